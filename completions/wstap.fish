# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_wstap_global_optspecs
    string join \n q/quiet v/verbose log-format= color= h/help V/version
end

function __fish_wstap_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_wstap_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_wstap_using_subcommand
    set -l cmd (__fish_wstap_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c wstap -n "__fish_wstap_needs_command" -l log-format -d 'Print notices on stderr as text, or as one JSON object per line' -r -f -a "text\t'Plain text'
json\t'One JSON object per line'"
complete -c wstap -n "__fish_wstap_needs_command" -l color -d 'When to use color' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_needs_command" -s q -l quiet -d 'Print only errors; warnings of -k and --tls-keylog still appear'
complete -c wstap -n "__fish_wstap_needs_command" -s v -l verbose -d 'Show connection steps, request and response headers, and close frames; -vv also shows every frame'
complete -c wstap -n "__fish_wstap_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_needs_command" -s V -l version -d 'Print version'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "connect" -d 'Connect to a WebSocket server: send lines, print messages'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "subscribe" -d 'Subscribe to topics and print their events'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "sub" -d 'Subscribe to topics and print their events'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "watch-campaign" -d 'Watch campaigns until they end; exit with their outcome'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "watch" -d 'Watch campaigns until they end; exit with their outcome'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "probe-handshake" -d 'Check an endpoint: DNS, TLS, handshake, RFC 6455'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "probe" -d 'Check an endpoint: DNS, TLS, handshake, RFC 6455'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "serve-mock" -d 'Run mock servers for all providers on one port'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "mock" -d 'Run mock servers for all providers on one port'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "completions" -d 'Print the completion script for a shell'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "man" -d 'Show a manual page'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s d -l dialect -d 'Provider dialect to speak: a built-in name, or your own TOML file [default: guessed from the URL]' -r -f -a "burki\t'Burki: progress of calling campaigns; topic: campaign ID'
kadoa\t'Kadoa: workflow data of a team, with replay; no topics'
voipbin\t'VoIPBIN: calls, messages; topic: SCOPE:ID:TYPE:RESOURCE_ID'
ryze\t'RyzeAPI: events of one WhatsApp instance; topic: its name'
plain\t'any WebSocket server; send its subscribe message with -x'
binance\t'Binance spot market streams'
bitfinex\t'Bitfinex public market data (API v2)'
bybit\t'Bybit market data (API v5, spot)'
coinbase\t'Coinbase Advanced Trade market data'
deribit\t'Deribit market data and account channels'
htx\t'HTX (Huobi) spot market data, compressed with gzip'
kraken\t'Kraken spot market data (API v2)'
kucoin\t'KuCoin spot market data'
okx\t'OKX market data, and the channels of an account'
bluesky-jetstream\t'Bluesky posts, likes and follows (Jetstream)'
discord\t'Discord gateway (v10); topics are intents'
mastodon\t'Mastodon timelines and notifications'
mattermost\t'Mattermost posts, reactions and other events'
nostr\t'Nostr relays; a topic is a filter'
ntfy\t'ntfy notifications'
slack\t'Slack apps in Socket Mode'
twitch\t'Twitch EventSub'
actioncable\t'Rails Action Cable; a topic is a channel'
cdp\t'Chrome DevTools Protocol: browsers and Node.js'
centrifugo\t'Centrifugo and Centrifuge servers, JSON protocol'
ethereum\t'Ethereum nodes: blocks, logs, pending transactions'
graphql-transport-ws\t'GraphQL subscriptions; a topic is a query'
home-assistant\t'Home Assistant events and triggers'
json-rpc\t'JSON-RPC 2.0 notifications; a topic is a call'
kubernetes\t'Changes of Kubernetes objects (watch)'
phoenix\t'Phoenix channels, also Supabase Realtime'
pusher\t'Pusher Channels protocol 7, also Soketi and Reverb'
signalr\t'ASP.NET Core SignalR hubs, JSON protocol'
socket.io\t'Socket.IO 4; a topic is a namespace'
stomp\t'STOMP 1.2 over WebSocket: RabbitMQ, ActiveMQ'
wamp\t'WAMP topics (Crossbar.io and others)'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s x -l send -l execute -d 'Send this message after each connect; repeatable, in order. @FILE sends a text file, @- standard input, @@ a literal @' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l reply -d 'Run this jq program on each incoming message and send its outputs back' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l binary-in -d 'Send standard input as binary: one message per line of base64 or hex, or raw chunks' -r -f -a "base64\t'Base64 (RFC 4648 §4); in quotes if the line is JSON'
hex\t'Lowercase hexadecimal; in quotes if the line is JSON'
raw\t'The bytes themselves, without newlines between messages'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l delimiter -d 'Split standard input into messages at this character. nul is the NUL byte, none sends all input as one message [default: \\n]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l encode -d 'Encode outgoing messages with these steps, in this order; see --decode [default: none]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l mock -d 'Start a mock server in this process and connect to it; --mock=\'ARGUMENTS\' passes arguments of serve-mock' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l from -d 'Read messages from a recording or NDJSON instead of a connection; - is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s f -l filter -l jq -d 'Print the outputs of this jq program instead of the messages' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l filter-file -d 'Read the jq program from a file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l arg -d 'Set $N to the string V in every jq program' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l argjson -d 'Set $N to the JSON value V' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l slurpfile -d 'Set $N to an array of the JSON values in a file' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l rawfile -d 'Set $N to the text of a file, as a string' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l args -d 'Put the words up to the next option into $ARGS.positional as strings. Give the URL before this option' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l jsonargs -d 'Put the words up to the next option into $ARGS.positional as JSON values' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l library-path -d 'Search imported jq modules in DIR instead of ~/.jq (jq\'s -L)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l filter-errors -d 'If the filter fails on a message: warn and continue, or exit 5' -r -f -a "warn\t'Warn and continue'
fail\t'Exit with status 5'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l decode -d 'Decode incoming messages with these steps, in this order: text, gzip, zlib, deflate, zstd or zstd:DICTIONARY, brotli, zlib-stream, msgpack, cbor, protobuf:DESCRIPTORS:MESSAGE, lines, rs, nul, json-array, auto [default: none]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l decode-errors -d 'If a message cannot be decoded: warn and continue, or exit 21' -r -f -a "warn\t'Warn and continue'
fail\t'End the session'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l invalid-utf8 -d 'If a text message is not UTF-8: exit 21, or replace the invalid bytes with U+FFFD and continue' -r -f -a "fail\t'End the session'
replace\t'Replace the invalid bytes with U+FFFD and continue'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l indent -d 'Indent JSON by N spaces for each level, at most 7 [default: 0, one line]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l binary -d 'Print binary messages in this form' -r -f -a "base64\t'Base64 (RFC 4648 §4); in quotes if the line is JSON'
hex\t'Lowercase hexadecimal; in quotes if the line is JSON'
raw\t'The bytes themselves, without newlines between messages'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s o -l output -d 'Append lines to FILE instead of writing to standard output (-); SIGHUP reopens it' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l record -d 'Write records of every event to FILE; FILE.har writes the HAR format' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l buffer -d 'Memory for output that is not read yet [default: 64M]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l overflow -d 'What to do when --buffer is full [default: spill; block for connect]' -r -f -a "block\t'Stop reading from the server, which may drop a slow client'
spill\t'Buffer in an unlinked file in TMPDIR'
drop-oldest\t'Drop the oldest messages, and count them'
exit\t'Exit with status 30'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l spill-limit -d 'Exit with 30 when the spill file of --overflow exceeds SIZE [default: 4G]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l to -d 'Store lines in a broker instead of printing them: redis://HOST/STREAM (rediss), nats://HOST/SUBJECT (tls), kafka://HOST/TOPIC (kafkas); repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l to-cmd -d 'Write lines to a shell command, which prints how many it has stored, instead of standard output; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l to-key -d 'Set the key of each line with this jq program, which sees the message: the key, or {key, headers}' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l dead-letter -d 'Append refused lines to FILE and continue, instead of exiting with status 30' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l count -d 'End after N output lines [default: no limit]. With --envelope and no filter, count received messages only' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l until -d 'End with status 0 once this jq expression is true; print the matching message' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l fail-if -d 'End with status 1 as soon as this jq expression is true' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l idle-timeout -d 'End when no message has arrived for D [default: never]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l max-time -l timeout -d 'End after D [default: no limit]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s w -l linger -l wait -d 'After input ends, wait for D of silence, then exit; forever keeps listening [default: forever; for connect, 2s if something was sent]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l ok-close -d 'Treat this close code as clean too, besides 1000, 1001 and 1005: exit with 0, do not reconnect; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l close-code -d 'Close code to send at the end of the session [default: 1000]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l close-reason -d 'Close reason to send at the end of the session' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s H -l header -d 'Send this header; repeatable. K: removes a header, @FILE reads one per line, again for every connection' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s b -l cookie -d 'Send these cookies, as NAME=VALUE[; NAME=VALUE]; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l origin -d 'Send this Origin' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s s -l subprotocol -d 'Offer this subprotocol; repeatable or comma-separated' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l compress -d 'Compression parameters to offer, comma-separated [default: client_max_window_bits]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s u -l user -l auth -d 'User and password for Basic authentication, or for Digest if the server requests it; @FILE reads them' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l bearer -d 'Send this bearer token. To keep it out of the process list, use --token-env or --token-file' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l token-env -d 'Read the credential from environment variable VAR' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l token-file -d 'Read the credential from the first line of FILE, again on each connect; - is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l token-command -d 'Run this shell command on each connect and use the first line of its output as the credential. If it fails, wstap retries as after a network failure' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l token -d 'Use this credential; other users can see it in the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l token-in -d 'Where to send the credential: query, query:NAME, header, header:NAME or bearer [default: depends on the dialect]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l cacert -l ca -d 'Trust the certificates in this PEM file instead of the system\'s; also the server\'s own certificate' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l cert -d 'Client certificate chain (PEM), or PKCS#12 file with certificate and key' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l cert-type -d 'Format of the --cert file; by default, wstap detects it' -r -f -a "PEM\t'PEM files'
P12\t'PKCS#12: certificates and key in one file'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l key -d 'Private key of the client certificate (PEM)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l pass -d 'Passphrase of the private key or PKCS#12 file; @FILE reads it. By default, wstap asks on the terminal' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l pinnedpubkey -d 'Accept only servers with one of these public keys: sha256//BASE64, separated by semicolons' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l tls-min -d 'Oldest TLS version to allow [default: 1.2]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l tls-max -d 'Newest TLS version to allow [default: 1.3]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l resolve -d 'Use ADDR for HOST and PORT instead of a DNS lookup; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l connect-to -d 'Connect to HOST2:PORT2 instead of HOST1:PORT1, keeping Host and SNI; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l unix-socket -d 'Connect through this Unix socket' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l proxy -d 'Use this proxy: http://, socks5:// (or socks://) or socks5h://, optionally with USER:PASSWORD@; \'\' disables proxies [default: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l noproxy -d 'Connect to these hosts without a proxy; comma-separated [default: NO_PROXY]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l max-redirects -d 'Most redirects to follow with -L [default: 10]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l connect-timeout -d 'Time limit from name resolution to the end of the upgrade [default: 10s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l max-message-size -d 'Largest incoming message, such as 16M; 0 disables the limit [default: 64M, or the dialect\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l ping-interval -d 'Interval between pings; 0s disables them [default: 25s, or the dialect\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l ping-timeout -d 'Consider the connection dead if nothing arrives for D after a ping [default: 20s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l retries -d 'Give up after N failed attempts in a row; implies --reconnect [default: no limit]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l retry-close -d 'Also reconnect after these close codes, such as 1000,4000-4999; implies --reconnect. Always retried: 1001, 1005, 1006, 1011-1014 and 4000, or the dialect\'s own codes' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l reconnect-delay -d 'Longest delay before the first retry; doubles with every attempt [default: 1s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l reconnect-max-delay -d 'Longest delay before any retry [default: 30s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l time-scale -d 'Run the dialect\'s timers N times as fast, for a mock with the same --time-scale [default: 1, or --mock\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l log-format -d 'Print notices on stderr as text, or as one JSON object per line' -r -f -a "text\t'Plain text'
json\t'One JSON object per line'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l color -d 'When to use color' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l echo -d 'Send each message back unchanged'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s i -l interactive -d 'Open a prompt on the terminal [default for connect, unless an option sets the end of the session]'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l no-history -d 'Do not save the lines typed at the prompt'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s n -l null-input -d 'Run the filter once with null as input; input and inputs read the live stream'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s e -l exit-status -d 'Set the exit status from the last output: 1 for false or null, 4 for no output'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l envelope -d 'Print a record for every event (open, message, close, …). Filters get these records instead of messages'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s r -l raw-output -d 'Print strings without quotes'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s j -l join-output -d 'Like --raw-output, with nothing between outputs'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l pretty -d 'Indent JSON by two spaces'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s c -l compact-output -d 'Print JSON on one line (the default); the last of this, --pretty, --tab and --indent wins'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l tab -d 'Indent JSON with a tab for each level'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s S -l sort-keys -d 'Sort the fields of every object by name'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s a -l ascii-output -d 'Print non-ASCII characters as \\uXXXX escapes'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l seq -d 'Start each JSON text with the record separator U+001E (RFC 7464)'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l unbuffered -d 'Write each line immediately. wstap always does; accepted because jq has it'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l show-secrets -d 'Do not redact credentials in records and in the provider\'s messages'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l tee -d 'With --to and --to-cmd, also write lines to standard output or to -o'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l no-compress -d 'Do not offer compression'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l digest -d 'Use only Digest authentication, which never sends the password itself'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l accesskey -d 'Send the credential as query parameter accesskey (short for --token-in query:accesskey)'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s k -l insecure -d 'Accept any server certificate'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l tls-keylog -d 'Append TLS session keys to the file named by SSLKEYLOGFILE, to decrypt captured traffic'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s L -l location -d 'Follow redirects'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l reconnect -d 'Reconnect after a loss, and retry a failed first connection. By default, subscribe and watch-campaign reconnect after a loss'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l no-reconnect -d 'Do not reconnect'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s q -l quiet -d 'Print only errors; warnings of -k and --tls-keylog still appear'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s v -l verbose -d 'Show connection steps, request and response headers, and close frames; -vv also shows every frame'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l url -d 'URL to connect to [default: the provider\'s endpoint, if it has one]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s d -l dialect -d 'Provider dialect to speak: a built-in name, or your own TOML file [default: guessed from the URL]' -r -f -a "burki\t'Burki: progress of calling campaigns; topic: campaign ID'
kadoa\t'Kadoa: workflow data of a team, with replay; no topics'
voipbin\t'VoIPBIN: calls, messages; topic: SCOPE:ID:TYPE:RESOURCE_ID'
ryze\t'RyzeAPI: events of one WhatsApp instance; topic: its name'
plain\t'any WebSocket server; send its subscribe message with -x'
binance\t'Binance spot market streams'
bitfinex\t'Bitfinex public market data (API v2)'
bybit\t'Bybit market data (API v5, spot)'
coinbase\t'Coinbase Advanced Trade market data'
deribit\t'Deribit market data and account channels'
htx\t'HTX (Huobi) spot market data, compressed with gzip'
kraken\t'Kraken spot market data (API v2)'
kucoin\t'KuCoin spot market data'
okx\t'OKX market data, and the channels of an account'
bluesky-jetstream\t'Bluesky posts, likes and follows (Jetstream)'
discord\t'Discord gateway (v10); topics are intents'
mastodon\t'Mastodon timelines and notifications'
mattermost\t'Mattermost posts, reactions and other events'
nostr\t'Nostr relays; a topic is a filter'
ntfy\t'ntfy notifications'
slack\t'Slack apps in Socket Mode'
twitch\t'Twitch EventSub'
actioncable\t'Rails Action Cable; a topic is a channel'
cdp\t'Chrome DevTools Protocol: browsers and Node.js'
centrifugo\t'Centrifugo and Centrifuge servers, JSON protocol'
ethereum\t'Ethereum nodes: blocks, logs, pending transactions'
graphql-transport-ws\t'GraphQL subscriptions; a topic is a query'
home-assistant\t'Home Assistant events and triggers'
json-rpc\t'JSON-RPC 2.0 notifications; a topic is a call'
kubernetes\t'Changes of Kubernetes objects (watch)'
phoenix\t'Phoenix channels, also Supabase Realtime'
pusher\t'Pusher Channels protocol 7, also Soketi and Reverb'
signalr\t'ASP.NET Core SignalR hubs, JSON protocol'
socket.io\t'Socket.IO 4; a topic is a namespace'
stomp\t'STOMP 1.2 over WebSocket: RabbitMQ, ActiveMQ'
wamp\t'WAMP topics (Crossbar.io and others)'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l topics-file -d 'Read topics from FILE, one per line; skip empty lines and lines that start with #' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l shard -d 'Subscribe only to share I of N, from 0/N to N-1/N; processes with all shares have each topic once' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l share -d 'Divide the topics among all processes that name this group, nats://HOST/GROUP, and take over from those that die' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l from-cursor -d 'Resume after the event with this cursor, if the provider can replay; overrides --cursor-file' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l cursor-file -d 'Resume from the cursor in FILE, if it exists, and save the cursor of the last written line there' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s x -l send -l execute -d 'Send this message after each connect; repeatable, in order. @FILE sends a text file, @- standard input, @@ a literal @' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l reply -d 'Run this jq program on each incoming message and send its outputs back' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l binary-in -d 'Send standard input as binary: one message per line of base64 or hex, or raw chunks' -r -f -a "base64\t'Base64 (RFC 4648 §4); in quotes if the line is JSON'
hex\t'Lowercase hexadecimal; in quotes if the line is JSON'
raw\t'The bytes themselves, without newlines between messages'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l delimiter -d 'Split standard input into messages at this character. nul is the NUL byte, none sends all input as one message [default: \\n]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l encode -d 'Encode outgoing messages with these steps, in this order; see --decode [default: none]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l mock -d 'Start a mock server in this process and connect to it; --mock=\'ARGUMENTS\' passes arguments of serve-mock' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l from -d 'Read messages from a recording or NDJSON instead of a connection; - is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s f -l filter -l jq -d 'Print the outputs of this jq program instead of the messages' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l filter-file -d 'Read the jq program from a file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l arg -d 'Set $N to the string V in every jq program' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l argjson -d 'Set $N to the JSON value V' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l slurpfile -d 'Set $N to an array of the JSON values in a file' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l rawfile -d 'Set $N to the text of a file, as a string' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l args -d 'Put the words up to the next option into $ARGS.positional as strings. Give the URL before this option' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l jsonargs -d 'Put the words up to the next option into $ARGS.positional as JSON values' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l library-path -d 'Search imported jq modules in DIR instead of ~/.jq (jq\'s -L)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l filter-errors -d 'If the filter fails on a message: warn and continue, or exit 5' -r -f -a "warn\t'Warn and continue'
fail\t'Exit with status 5'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l decode -d 'Decode incoming messages with these steps, in this order: text, gzip, zlib, deflate, zstd or zstd:DICTIONARY, brotli, zlib-stream, msgpack, cbor, protobuf:DESCRIPTORS:MESSAGE, lines, rs, nul, json-array, auto [default: none]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l decode-errors -d 'If a message cannot be decoded: warn and continue, or exit 21' -r -f -a "warn\t'Warn and continue'
fail\t'End the session'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l invalid-utf8 -d 'If a text message is not UTF-8: exit 21, or replace the invalid bytes with U+FFFD and continue' -r -f -a "fail\t'End the session'
replace\t'Replace the invalid bytes with U+FFFD and continue'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l indent -d 'Indent JSON by N spaces for each level, at most 7 [default: 0, one line]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l binary -d 'Print binary messages in this form' -r -f -a "base64\t'Base64 (RFC 4648 §4); in quotes if the line is JSON'
hex\t'Lowercase hexadecimal; in quotes if the line is JSON'
raw\t'The bytes themselves, without newlines between messages'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s o -l output -d 'Append lines to FILE instead of writing to standard output (-); SIGHUP reopens it' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l record -d 'Write records of every event to FILE; FILE.har writes the HAR format' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l buffer -d 'Memory for output that is not read yet [default: 64M]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l overflow -d 'What to do when --buffer is full [default: spill; block for connect]' -r -f -a "block\t'Stop reading from the server, which may drop a slow client'
spill\t'Buffer in an unlinked file in TMPDIR'
drop-oldest\t'Drop the oldest messages, and count them'
exit\t'Exit with status 30'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l spill-limit -d 'Exit with 30 when the spill file of --overflow exceeds SIZE [default: 4G]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l to -d 'Store lines in a broker instead of printing them: redis://HOST/STREAM (rediss), nats://HOST/SUBJECT (tls), kafka://HOST/TOPIC (kafkas); repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l to-cmd -d 'Write lines to a shell command, which prints how many it has stored, instead of standard output; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l to-key -d 'Set the key of each line with this jq program, which sees the message: the key, or {key, headers}' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l dead-letter -d 'Append refused lines to FILE and continue, instead of exiting with status 30' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l count -d 'End after N output lines [default: no limit]. With --envelope and no filter, count received messages only' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l until -d 'End with status 0 once this jq expression is true; print the matching message' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l fail-if -d 'End with status 1 as soon as this jq expression is true' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l idle-timeout -d 'End when no message has arrived for D [default: never]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l max-time -l timeout -d 'End after D [default: no limit]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s w -l linger -l wait -d 'After input ends, wait for D of silence, then exit; forever keeps listening [default: forever; for connect, 2s if something was sent]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l ok-close -d 'Treat this close code as clean too, besides 1000, 1001 and 1005: exit with 0, do not reconnect; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l close-code -d 'Close code to send at the end of the session [default: 1000]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l close-reason -d 'Close reason to send at the end of the session' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s H -l header -d 'Send this header; repeatable. K: removes a header, @FILE reads one per line, again for every connection' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s b -l cookie -d 'Send these cookies, as NAME=VALUE[; NAME=VALUE]; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l origin -d 'Send this Origin' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s s -l subprotocol -d 'Offer this subprotocol; repeatable or comma-separated' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l compress -d 'Compression parameters to offer, comma-separated [default: client_max_window_bits]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s u -l user -l auth -d 'User and password for Basic authentication, or for Digest if the server requests it; @FILE reads them' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l bearer -d 'Send this bearer token. To keep it out of the process list, use --token-env or --token-file' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l token-env -d 'Read the credential from environment variable VAR' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l token-file -d 'Read the credential from the first line of FILE, again on each connect; - is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l token-command -d 'Run this shell command on each connect and use the first line of its output as the credential. If it fails, wstap retries as after a network failure' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l token -d 'Use this credential; other users can see it in the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l token-in -d 'Where to send the credential: query, query:NAME, header, header:NAME or bearer [default: depends on the dialect]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l cacert -l ca -d 'Trust the certificates in this PEM file instead of the system\'s; also the server\'s own certificate' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l cert -d 'Client certificate chain (PEM), or PKCS#12 file with certificate and key' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l cert-type -d 'Format of the --cert file; by default, wstap detects it' -r -f -a "PEM\t'PEM files'
P12\t'PKCS#12: certificates and key in one file'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l key -d 'Private key of the client certificate (PEM)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l pass -d 'Passphrase of the private key or PKCS#12 file; @FILE reads it. By default, wstap asks on the terminal' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l pinnedpubkey -d 'Accept only servers with one of these public keys: sha256//BASE64, separated by semicolons' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l tls-min -d 'Oldest TLS version to allow [default: 1.2]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l tls-max -d 'Newest TLS version to allow [default: 1.3]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l resolve -d 'Use ADDR for HOST and PORT instead of a DNS lookup; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l connect-to -d 'Connect to HOST2:PORT2 instead of HOST1:PORT1, keeping Host and SNI; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l unix-socket -d 'Connect through this Unix socket' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l proxy -d 'Use this proxy: http://, socks5:// (or socks://) or socks5h://, optionally with USER:PASSWORD@; \'\' disables proxies [default: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l noproxy -d 'Connect to these hosts without a proxy; comma-separated [default: NO_PROXY]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l max-redirects -d 'Most redirects to follow with -L [default: 10]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l connect-timeout -d 'Time limit from name resolution to the end of the upgrade [default: 10s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l max-message-size -d 'Largest incoming message, such as 16M; 0 disables the limit [default: 64M, or the dialect\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l ping-interval -d 'Interval between pings; 0s disables them [default: 25s, or the dialect\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l ping-timeout -d 'Consider the connection dead if nothing arrives for D after a ping [default: 20s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l retries -d 'Give up after N failed attempts in a row; implies --reconnect [default: no limit]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l retry-close -d 'Also reconnect after these close codes, such as 1000,4000-4999; implies --reconnect. Always retried: 1001, 1005, 1006, 1011-1014 and 4000, or the dialect\'s own codes' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l reconnect-delay -d 'Longest delay before the first retry; doubles with every attempt [default: 1s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l reconnect-max-delay -d 'Longest delay before any retry [default: 30s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l time-scale -d 'Run the dialect\'s timers N times as fast, for a mock with the same --time-scale [default: 1, or --mock\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l log-format -d 'Print notices on stderr as text, or as one JSON object per line' -r -f -a "text\t'Plain text'
json\t'One JSON object per line'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l color -d 'When to use color' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l describe -d 'Print what the dialect does, its topics, credentials and examples, and exit'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l check -d 'Print what the dialect would send, and with --from what each message means to it; connect to nothing'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l keep-going -d 'Continue when the provider refuses a topic'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l cursor-in-sink -d 'Keep the cursor in the broker of --to, in one step with the lines; resume from it'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l no-dedupe -d 'Print duplicate events too'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l echo -d 'Send each message back unchanged'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s i -l interactive -d 'Open a prompt on the terminal [default for connect, unless an option sets the end of the session]'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l no-history -d 'Do not save the lines typed at the prompt'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s n -l null-input -d 'Run the filter once with null as input; input and inputs read the live stream'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s e -l exit-status -d 'Set the exit status from the last output: 1 for false or null, 4 for no output'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l envelope -d 'Print a record for every event (open, message, close, …). Filters get these records instead of messages'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s r -l raw-output -d 'Print strings without quotes'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s j -l join-output -d 'Like --raw-output, with nothing between outputs'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l pretty -d 'Indent JSON by two spaces'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s c -l compact-output -d 'Print JSON on one line (the default); the last of this, --pretty, --tab and --indent wins'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l tab -d 'Indent JSON with a tab for each level'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s S -l sort-keys -d 'Sort the fields of every object by name'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s a -l ascii-output -d 'Print non-ASCII characters as \\uXXXX escapes'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l seq -d 'Start each JSON text with the record separator U+001E (RFC 7464)'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l unbuffered -d 'Write each line immediately. wstap always does; accepted because jq has it'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l show-secrets -d 'Do not redact credentials in records and in the provider\'s messages'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l tee -d 'With --to and --to-cmd, also write lines to standard output or to -o'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l no-compress -d 'Do not offer compression'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l digest -d 'Use only Digest authentication, which never sends the password itself'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l accesskey -d 'Send the credential as query parameter accesskey (short for --token-in query:accesskey)'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s k -l insecure -d 'Accept any server certificate'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l tls-keylog -d 'Append TLS session keys to the file named by SSLKEYLOGFILE, to decrypt captured traffic'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s L -l location -d 'Follow redirects'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l reconnect -d 'Reconnect after a loss, and retry a failed first connection. By default, subscribe and watch-campaign reconnect after a loss'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l no-reconnect -d 'Do not reconnect'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s q -l quiet -d 'Print only errors; warnings of -k and --tls-keylog still appear'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s v -l verbose -d 'Show connection steps, request and response headers, and close frames; -vv also shows every frame'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l url -d 'URL to connect to [default: the provider\'s endpoint, if it has one]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s d -l dialect -d 'Provider dialect to speak: a built-in name, or your own TOML file [default: guessed from the URL]' -r -f -a "burki\t'Burki: progress of calling campaigns; topic: campaign ID'
kadoa\t'Kadoa: workflow data of a team, with replay; no topics'
voipbin\t'VoIPBIN: calls, messages; topic: SCOPE:ID:TYPE:RESOURCE_ID'
ryze\t'RyzeAPI: events of one WhatsApp instance; topic: its name'
plain\t'any WebSocket server; send its subscribe message with -x'
binance\t'Binance spot market streams'
bitfinex\t'Bitfinex public market data (API v2)'
bybit\t'Bybit market data (API v5, spot)'
coinbase\t'Coinbase Advanced Trade market data'
deribit\t'Deribit market data and account channels'
htx\t'HTX (Huobi) spot market data, compressed with gzip'
kraken\t'Kraken spot market data (API v2)'
kucoin\t'KuCoin spot market data'
okx\t'OKX market data, and the channels of an account'
bluesky-jetstream\t'Bluesky posts, likes and follows (Jetstream)'
discord\t'Discord gateway (v10); topics are intents'
mastodon\t'Mastodon timelines and notifications'
mattermost\t'Mattermost posts, reactions and other events'
nostr\t'Nostr relays; a topic is a filter'
ntfy\t'ntfy notifications'
slack\t'Slack apps in Socket Mode'
twitch\t'Twitch EventSub'
actioncable\t'Rails Action Cable; a topic is a channel'
cdp\t'Chrome DevTools Protocol: browsers and Node.js'
centrifugo\t'Centrifugo and Centrifuge servers, JSON protocol'
ethereum\t'Ethereum nodes: blocks, logs, pending transactions'
graphql-transport-ws\t'GraphQL subscriptions; a topic is a query'
home-assistant\t'Home Assistant events and triggers'
json-rpc\t'JSON-RPC 2.0 notifications; a topic is a call'
kubernetes\t'Changes of Kubernetes objects (watch)'
phoenix\t'Phoenix channels, also Supabase Realtime'
pusher\t'Pusher Channels protocol 7, also Soketi and Reverb'
signalr\t'ASP.NET Core SignalR hubs, JSON protocol'
socket.io\t'Socket.IO 4; a topic is a namespace'
stomp\t'STOMP 1.2 over WebSocket: RabbitMQ, ActiveMQ'
wamp\t'WAMP topics (Crossbar.io and others)'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l topics-file -d 'Read topics from FILE, one per line; skip empty lines and lines that start with #' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l shard -d 'Subscribe only to share I of N, from 0/N to N-1/N; processes with all shares have each topic once' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l share -d 'Divide the topics among all processes that name this group, nats://HOST/GROUP, and take over from those that die' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l from-cursor -d 'Resume after the event with this cursor, if the provider can replay; overrides --cursor-file' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l cursor-file -d 'Resume from the cursor in FILE, if it exists, and save the cursor of the last written line there' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s x -l send -l execute -d 'Send this message after each connect; repeatable, in order. @FILE sends a text file, @- standard input, @@ a literal @' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l reply -d 'Run this jq program on each incoming message and send its outputs back' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l binary-in -d 'Send standard input as binary: one message per line of base64 or hex, or raw chunks' -r -f -a "base64\t'Base64 (RFC 4648 §4); in quotes if the line is JSON'
hex\t'Lowercase hexadecimal; in quotes if the line is JSON'
raw\t'The bytes themselves, without newlines between messages'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l delimiter -d 'Split standard input into messages at this character. nul is the NUL byte, none sends all input as one message [default: \\n]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l encode -d 'Encode outgoing messages with these steps, in this order; see --decode [default: none]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l mock -d 'Start a mock server in this process and connect to it; --mock=\'ARGUMENTS\' passes arguments of serve-mock' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l from -d 'Read messages from a recording or NDJSON instead of a connection; - is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s f -l filter -l jq -d 'Print the outputs of this jq program instead of the messages' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l filter-file -d 'Read the jq program from a file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l arg -d 'Set $N to the string V in every jq program' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l argjson -d 'Set $N to the JSON value V' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l slurpfile -d 'Set $N to an array of the JSON values in a file' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l rawfile -d 'Set $N to the text of a file, as a string' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l args -d 'Put the words up to the next option into $ARGS.positional as strings. Give the URL before this option' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l jsonargs -d 'Put the words up to the next option into $ARGS.positional as JSON values' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l library-path -d 'Search imported jq modules in DIR instead of ~/.jq (jq\'s -L)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l filter-errors -d 'If the filter fails on a message: warn and continue, or exit 5' -r -f -a "warn\t'Warn and continue'
fail\t'Exit with status 5'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l decode -d 'Decode incoming messages with these steps, in this order: text, gzip, zlib, deflate, zstd or zstd:DICTIONARY, brotli, zlib-stream, msgpack, cbor, protobuf:DESCRIPTORS:MESSAGE, lines, rs, nul, json-array, auto [default: none]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l decode-errors -d 'If a message cannot be decoded: warn and continue, or exit 21' -r -f -a "warn\t'Warn and continue'
fail\t'End the session'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l invalid-utf8 -d 'If a text message is not UTF-8: exit 21, or replace the invalid bytes with U+FFFD and continue' -r -f -a "fail\t'End the session'
replace\t'Replace the invalid bytes with U+FFFD and continue'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l indent -d 'Indent JSON by N spaces for each level, at most 7 [default: 0, one line]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l binary -d 'Print binary messages in this form' -r -f -a "base64\t'Base64 (RFC 4648 §4); in quotes if the line is JSON'
hex\t'Lowercase hexadecimal; in quotes if the line is JSON'
raw\t'The bytes themselves, without newlines between messages'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s o -l output -d 'Append lines to FILE instead of writing to standard output (-); SIGHUP reopens it' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l record -d 'Write records of every event to FILE; FILE.har writes the HAR format' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l buffer -d 'Memory for output that is not read yet [default: 64M]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l overflow -d 'What to do when --buffer is full [default: spill; block for connect]' -r -f -a "block\t'Stop reading from the server, which may drop a slow client'
spill\t'Buffer in an unlinked file in TMPDIR'
drop-oldest\t'Drop the oldest messages, and count them'
exit\t'Exit with status 30'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l spill-limit -d 'Exit with 30 when the spill file of --overflow exceeds SIZE [default: 4G]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l to -d 'Store lines in a broker instead of printing them: redis://HOST/STREAM (rediss), nats://HOST/SUBJECT (tls), kafka://HOST/TOPIC (kafkas); repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l to-cmd -d 'Write lines to a shell command, which prints how many it has stored, instead of standard output; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l to-key -d 'Set the key of each line with this jq program, which sees the message: the key, or {key, headers}' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l dead-letter -d 'Append refused lines to FILE and continue, instead of exiting with status 30' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l count -d 'End after N output lines [default: no limit]. With --envelope and no filter, count received messages only' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l until -d 'End with status 0 once this jq expression is true; print the matching message' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l fail-if -d 'End with status 1 as soon as this jq expression is true' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l idle-timeout -d 'End when no message has arrived for D [default: never]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l max-time -l timeout -d 'End after D [default: no limit]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s w -l linger -l wait -d 'After input ends, wait for D of silence, then exit; forever keeps listening [default: forever; for connect, 2s if something was sent]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l ok-close -d 'Treat this close code as clean too, besides 1000, 1001 and 1005: exit with 0, do not reconnect; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l close-code -d 'Close code to send at the end of the session [default: 1000]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l close-reason -d 'Close reason to send at the end of the session' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s H -l header -d 'Send this header; repeatable. K: removes a header, @FILE reads one per line, again for every connection' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s b -l cookie -d 'Send these cookies, as NAME=VALUE[; NAME=VALUE]; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l origin -d 'Send this Origin' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s s -l subprotocol -d 'Offer this subprotocol; repeatable or comma-separated' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l compress -d 'Compression parameters to offer, comma-separated [default: client_max_window_bits]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s u -l user -l auth -d 'User and password for Basic authentication, or for Digest if the server requests it; @FILE reads them' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l bearer -d 'Send this bearer token. To keep it out of the process list, use --token-env or --token-file' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l token-env -d 'Read the credential from environment variable VAR' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l token-file -d 'Read the credential from the first line of FILE, again on each connect; - is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l token-command -d 'Run this shell command on each connect and use the first line of its output as the credential. If it fails, wstap retries as after a network failure' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l token -d 'Use this credential; other users can see it in the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l token-in -d 'Where to send the credential: query, query:NAME, header, header:NAME or bearer [default: depends on the dialect]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l cacert -l ca -d 'Trust the certificates in this PEM file instead of the system\'s; also the server\'s own certificate' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l cert -d 'Client certificate chain (PEM), or PKCS#12 file with certificate and key' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l cert-type -d 'Format of the --cert file; by default, wstap detects it' -r -f -a "PEM\t'PEM files'
P12\t'PKCS#12: certificates and key in one file'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l key -d 'Private key of the client certificate (PEM)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l pass -d 'Passphrase of the private key or PKCS#12 file; @FILE reads it. By default, wstap asks on the terminal' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l pinnedpubkey -d 'Accept only servers with one of these public keys: sha256//BASE64, separated by semicolons' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l tls-min -d 'Oldest TLS version to allow [default: 1.2]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l tls-max -d 'Newest TLS version to allow [default: 1.3]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l resolve -d 'Use ADDR for HOST and PORT instead of a DNS lookup; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l connect-to -d 'Connect to HOST2:PORT2 instead of HOST1:PORT1, keeping Host and SNI; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l unix-socket -d 'Connect through this Unix socket' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l proxy -d 'Use this proxy: http://, socks5:// (or socks://) or socks5h://, optionally with USER:PASSWORD@; \'\' disables proxies [default: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l noproxy -d 'Connect to these hosts without a proxy; comma-separated [default: NO_PROXY]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l max-redirects -d 'Most redirects to follow with -L [default: 10]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l connect-timeout -d 'Time limit from name resolution to the end of the upgrade [default: 10s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l max-message-size -d 'Largest incoming message, such as 16M; 0 disables the limit [default: 64M, or the dialect\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l ping-interval -d 'Interval between pings; 0s disables them [default: 25s, or the dialect\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l ping-timeout -d 'Consider the connection dead if nothing arrives for D after a ping [default: 20s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l retries -d 'Give up after N failed attempts in a row; implies --reconnect [default: no limit]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l retry-close -d 'Also reconnect after these close codes, such as 1000,4000-4999; implies --reconnect. Always retried: 1001, 1005, 1006, 1011-1014 and 4000, or the dialect\'s own codes' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l reconnect-delay -d 'Longest delay before the first retry; doubles with every attempt [default: 1s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l reconnect-max-delay -d 'Longest delay before any retry [default: 30s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l time-scale -d 'Run the dialect\'s timers N times as fast, for a mock with the same --time-scale [default: 1, or --mock\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l log-format -d 'Print notices on stderr as text, or as one JSON object per line' -r -f -a "text\t'Plain text'
json\t'One JSON object per line'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l color -d 'When to use color' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l describe -d 'Print what the dialect does, its topics, credentials and examples, and exit'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l check -d 'Print what the dialect would send, and with --from what each message means to it; connect to nothing'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l keep-going -d 'Continue when the provider refuses a topic'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l cursor-in-sink -d 'Keep the cursor in the broker of --to, in one step with the lines; resume from it'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l no-dedupe -d 'Print duplicate events too'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l echo -d 'Send each message back unchanged'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s i -l interactive -d 'Open a prompt on the terminal [default for connect, unless an option sets the end of the session]'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l no-history -d 'Do not save the lines typed at the prompt'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s n -l null-input -d 'Run the filter once with null as input; input and inputs read the live stream'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s e -l exit-status -d 'Set the exit status from the last output: 1 for false or null, 4 for no output'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l envelope -d 'Print a record for every event (open, message, close, …). Filters get these records instead of messages'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s r -l raw-output -d 'Print strings without quotes'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s j -l join-output -d 'Like --raw-output, with nothing between outputs'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l pretty -d 'Indent JSON by two spaces'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s c -l compact-output -d 'Print JSON on one line (the default); the last of this, --pretty, --tab and --indent wins'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l tab -d 'Indent JSON with a tab for each level'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s S -l sort-keys -d 'Sort the fields of every object by name'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s a -l ascii-output -d 'Print non-ASCII characters as \\uXXXX escapes'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l seq -d 'Start each JSON text with the record separator U+001E (RFC 7464)'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l unbuffered -d 'Write each line immediately. wstap always does; accepted because jq has it'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l show-secrets -d 'Do not redact credentials in records and in the provider\'s messages'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l tee -d 'With --to and --to-cmd, also write lines to standard output or to -o'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l no-compress -d 'Do not offer compression'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l digest -d 'Use only Digest authentication, which never sends the password itself'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l accesskey -d 'Send the credential as query parameter accesskey (short for --token-in query:accesskey)'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s k -l insecure -d 'Accept any server certificate'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l tls-keylog -d 'Append TLS session keys to the file named by SSLKEYLOGFILE, to decrypt captured traffic'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s L -l location -d 'Follow redirects'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l reconnect -d 'Reconnect after a loss, and retry a failed first connection. By default, subscribe and watch-campaign reconnect after a loss'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l no-reconnect -d 'Do not reconnect'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s q -l quiet -d 'Print only errors; warnings of -k and --tls-keylog still appear'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s v -l verbose -d 'Show connection steps, request and response headers, and close frames; -vv also shows every frame'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l url -d 'URL of the provider\'s server or of a campaign endpoint [default: the provider\'s endpoint, if it has one]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s d -l dialect -d 'Name of the provider [default: guessed from the URL]' -r -f -a "burki\t'Burki: progress of calling campaigns; topic: campaign ID'
kadoa\t'Kadoa: workflow data of a team, with replay; no topics'
voipbin\t'VoIPBIN: calls, messages; topic: SCOPE:ID:TYPE:RESOURCE_ID'
ryze\t'RyzeAPI: events of one WhatsApp instance; topic: its name'
plain\t'any WebSocket server; send its subscribe message with -x'
binance\t'Binance spot market streams'
bitfinex\t'Bitfinex public market data (API v2)'
bybit\t'Bybit market data (API v5, spot)'
coinbase\t'Coinbase Advanced Trade market data'
deribit\t'Deribit market data and account channels'
htx\t'HTX (Huobi) spot market data, compressed with gzip'
kraken\t'Kraken spot market data (API v2)'
kucoin\t'KuCoin spot market data'
okx\t'OKX market data, and the channels of an account'
bluesky-jetstream\t'Bluesky posts, likes and follows (Jetstream)'
discord\t'Discord gateway (v10); topics are intents'
mastodon\t'Mastodon timelines and notifications'
mattermost\t'Mattermost posts, reactions and other events'
nostr\t'Nostr relays; a topic is a filter'
ntfy\t'ntfy notifications'
slack\t'Slack apps in Socket Mode'
twitch\t'Twitch EventSub'
actioncable\t'Rails Action Cable; a topic is a channel'
cdp\t'Chrome DevTools Protocol: browsers and Node.js'
centrifugo\t'Centrifugo and Centrifuge servers, JSON protocol'
ethereum\t'Ethereum nodes: blocks, logs, pending transactions'
graphql-transport-ws\t'GraphQL subscriptions; a topic is a query'
home-assistant\t'Home Assistant events and triggers'
json-rpc\t'JSON-RPC 2.0 notifications; a topic is a call'
kubernetes\t'Changes of Kubernetes objects (watch)'
phoenix\t'Phoenix channels, also Supabase Realtime'
pusher\t'Pusher Channels protocol 7, also Soketi and Reverb'
signalr\t'ASP.NET Core SignalR hubs, JSON protocol'
socket.io\t'Socket.IO 4; a topic is a namespace'
stomp\t'STOMP 1.2 over WebSocket: RabbitMQ, ActiveMQ'
wamp\t'WAMP topics (Crossbar.io and others)'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l exit-on -d 'Also end when every campaign has one of these statuses or a final one; repeatable or comma-separated' -r -f -a "draft\t'Not started yet'
scheduled\t'Waiting for its start time'
running\t'Calling contacts'
paused\t'Paused; may resume'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l history -d 'Request HOURS of history before live updates' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l mock -d 'Start a mock server in this process and connect to it; --mock=\'ARGUMENTS\' passes arguments of serve-mock' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l from -d 'Read messages from a recording or NDJSON instead of a connection; - is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s f -l filter -l jq -d 'Print the outputs of this jq program instead of the messages' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l filter-file -d 'Read the jq program from a file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l arg -d 'Set $N to the string V in every jq program' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l argjson -d 'Set $N to the JSON value V' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l slurpfile -d 'Set $N to an array of the JSON values in a file' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l rawfile -d 'Set $N to the text of a file, as a string' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l args -d 'Put the words up to the next option into $ARGS.positional as strings. Give the URL before this option' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l jsonargs -d 'Put the words up to the next option into $ARGS.positional as JSON values' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l library-path -d 'Search imported jq modules in DIR instead of ~/.jq (jq\'s -L)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l filter-errors -d 'If the filter fails on a message: warn and continue, or exit 5' -r -f -a "warn\t'Warn and continue'
fail\t'Exit with status 5'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l decode -d 'Decode incoming messages with these steps, in this order: text, gzip, zlib, deflate, zstd or zstd:DICTIONARY, brotli, zlib-stream, msgpack, cbor, protobuf:DESCRIPTORS:MESSAGE, lines, rs, nul, json-array, auto [default: none]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l decode-errors -d 'If a message cannot be decoded: warn and continue, or exit 21' -r -f -a "warn\t'Warn and continue'
fail\t'End the session'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l invalid-utf8 -d 'If a text message is not UTF-8: exit 21, or replace the invalid bytes with U+FFFD and continue' -r -f -a "fail\t'End the session'
replace\t'Replace the invalid bytes with U+FFFD and continue'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l indent -d 'Indent JSON by N spaces for each level, at most 7 [default: 0, one line]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l binary -d 'Print binary messages in this form' -r -f -a "base64\t'Base64 (RFC 4648 §4); in quotes if the line is JSON'
hex\t'Lowercase hexadecimal; in quotes if the line is JSON'
raw\t'The bytes themselves, without newlines between messages'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s o -l output -d 'Append lines to FILE instead of writing to standard output (-); SIGHUP reopens it' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l record -d 'Write records of every event to FILE; FILE.har writes the HAR format' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l buffer -d 'Memory for output that is not read yet [default: 64M]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l overflow -d 'What to do when --buffer is full [default: spill; block for connect]' -r -f -a "block\t'Stop reading from the server, which may drop a slow client'
spill\t'Buffer in an unlinked file in TMPDIR'
drop-oldest\t'Drop the oldest messages, and count them'
exit\t'Exit with status 30'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l spill-limit -d 'Exit with 30 when the spill file of --overflow exceeds SIZE [default: 4G]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l to -d 'Store lines in a broker instead of printing them: redis://HOST/STREAM (rediss), nats://HOST/SUBJECT (tls), kafka://HOST/TOPIC (kafkas); repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l to-cmd -d 'Write lines to a shell command, which prints how many it has stored, instead of standard output; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l to-key -d 'Set the key of each line with this jq program, which sees the message: the key, or {key, headers}' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l dead-letter -d 'Append refused lines to FILE and continue, instead of exiting with status 30' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l count -d 'End after N output lines [default: no limit]. With --envelope and no filter, count received messages only' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l until -d 'End with status 0 once this jq expression is true; print the matching message' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l fail-if -d 'End with status 1 as soon as this jq expression is true' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l idle-timeout -d 'End when no message has arrived for D [default: never]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l max-time -l timeout -d 'End after D [default: no limit]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s w -l linger -l wait -d 'After input ends, wait for D of silence, then exit; forever keeps listening [default: forever; for connect, 2s if something was sent]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l ok-close -d 'Treat this close code as clean too, besides 1000, 1001 and 1005: exit with 0, do not reconnect; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l close-code -d 'Close code to send at the end of the session [default: 1000]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l close-reason -d 'Close reason to send at the end of the session' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s H -l header -d 'Send this header; repeatable. K: removes a header, @FILE reads one per line, again for every connection' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s b -l cookie -d 'Send these cookies, as NAME=VALUE[; NAME=VALUE]; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l origin -d 'Send this Origin' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s s -l subprotocol -d 'Offer this subprotocol; repeatable or comma-separated' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l compress -d 'Compression parameters to offer, comma-separated [default: client_max_window_bits]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s u -l user -l auth -d 'User and password for Basic authentication, or for Digest if the server requests it; @FILE reads them' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l bearer -d 'Send this bearer token. To keep it out of the process list, use --token-env or --token-file' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l token-env -d 'Read the credential from environment variable VAR' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l token-file -d 'Read the credential from the first line of FILE, again on each connect; - is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l token-command -d 'Run this shell command on each connect and use the first line of its output as the credential. If it fails, wstap retries as after a network failure' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l token -d 'Use this credential; other users can see it in the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l token-in -d 'Where to send the credential: query, query:NAME, header, header:NAME or bearer [default: depends on the dialect]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l cacert -l ca -d 'Trust the certificates in this PEM file instead of the system\'s; also the server\'s own certificate' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l cert -d 'Client certificate chain (PEM), or PKCS#12 file with certificate and key' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l cert-type -d 'Format of the --cert file; by default, wstap detects it' -r -f -a "PEM\t'PEM files'
P12\t'PKCS#12: certificates and key in one file'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l key -d 'Private key of the client certificate (PEM)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l pass -d 'Passphrase of the private key or PKCS#12 file; @FILE reads it. By default, wstap asks on the terminal' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l pinnedpubkey -d 'Accept only servers with one of these public keys: sha256//BASE64, separated by semicolons' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l tls-min -d 'Oldest TLS version to allow [default: 1.2]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l tls-max -d 'Newest TLS version to allow [default: 1.3]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l resolve -d 'Use ADDR for HOST and PORT instead of a DNS lookup; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l connect-to -d 'Connect to HOST2:PORT2 instead of HOST1:PORT1, keeping Host and SNI; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l unix-socket -d 'Connect through this Unix socket' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l proxy -d 'Use this proxy: http://, socks5:// (or socks://) or socks5h://, optionally with USER:PASSWORD@; \'\' disables proxies [default: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l noproxy -d 'Connect to these hosts without a proxy; comma-separated [default: NO_PROXY]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l max-redirects -d 'Most redirects to follow with -L [default: 10]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l connect-timeout -d 'Time limit from name resolution to the end of the upgrade [default: 10s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l max-message-size -d 'Largest incoming message, such as 16M; 0 disables the limit [default: 64M, or the dialect\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l ping-interval -d 'Interval between pings; 0s disables them [default: 25s, or the dialect\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l ping-timeout -d 'Consider the connection dead if nothing arrives for D after a ping [default: 20s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l retries -d 'Give up after N failed attempts in a row; implies --reconnect [default: no limit]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l retry-close -d 'Also reconnect after these close codes, such as 1000,4000-4999; implies --reconnect. Always retried: 1001, 1005, 1006, 1011-1014 and 4000, or the dialect\'s own codes' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l reconnect-delay -d 'Longest delay before the first retry; doubles with every attempt [default: 1s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l reconnect-max-delay -d 'Longest delay before any retry [default: 30s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l time-scale -d 'Run the dialect\'s timers N times as fast, for a mock with the same --time-scale [default: 1, or --mock\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l log-format -d 'Print notices on stderr as text, or as one JSON object per line' -r -f -a "text\t'Plain text'
json\t'One JSON object per line'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l color -d 'When to use color' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l monitor -d 'Watch the campaigns over one connection, to the provider\'s endpoint for all campaigns'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l all -d 'Watch every campaign of that endpoint (implies --monitor)'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l progress -d 'Print one normalized progress record per change instead of raw messages'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l ndjson -d 'Print lines on a terminal too, instead of the live screen'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s n -l null-input -d 'Run the filter once with null as input; input and inputs read the live stream'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s e -l exit-status -d 'Set the exit status from the last output: 1 for false or null, 4 for no output'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l envelope -d 'Print a record for every event (open, message, close, …). Filters get these records instead of messages'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s r -l raw-output -d 'Print strings without quotes'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s j -l join-output -d 'Like --raw-output, with nothing between outputs'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l pretty -d 'Indent JSON by two spaces'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s c -l compact-output -d 'Print JSON on one line (the default); the last of this, --pretty, --tab and --indent wins'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l tab -d 'Indent JSON with a tab for each level'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s S -l sort-keys -d 'Sort the fields of every object by name'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s a -l ascii-output -d 'Print non-ASCII characters as \\uXXXX escapes'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l seq -d 'Start each JSON text with the record separator U+001E (RFC 7464)'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l unbuffered -d 'Write each line immediately. wstap always does; accepted because jq has it'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l show-secrets -d 'Do not redact credentials in records and in the provider\'s messages'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l tee -d 'With --to and --to-cmd, also write lines to standard output or to -o'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l no-compress -d 'Do not offer compression'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l digest -d 'Use only Digest authentication, which never sends the password itself'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l accesskey -d 'Send the credential as query parameter accesskey (short for --token-in query:accesskey)'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s k -l insecure -d 'Accept any server certificate'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l tls-keylog -d 'Append TLS session keys to the file named by SSLKEYLOGFILE, to decrypt captured traffic'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s L -l location -d 'Follow redirects'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l reconnect -d 'Reconnect after a loss, and retry a failed first connection. By default, subscribe and watch-campaign reconnect after a loss'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l no-reconnect -d 'Do not reconnect'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s q -l quiet -d 'Print only errors; warnings of -k and --tls-keylog still appear'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s v -l verbose -d 'Show connection steps, request and response headers, and close frames; -vv also shows every frame'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l url -d 'URL of the provider\'s server or of a campaign endpoint [default: the provider\'s endpoint, if it has one]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s d -l dialect -d 'Name of the provider [default: guessed from the URL]' -r -f -a "burki\t'Burki: progress of calling campaigns; topic: campaign ID'
kadoa\t'Kadoa: workflow data of a team, with replay; no topics'
voipbin\t'VoIPBIN: calls, messages; topic: SCOPE:ID:TYPE:RESOURCE_ID'
ryze\t'RyzeAPI: events of one WhatsApp instance; topic: its name'
plain\t'any WebSocket server; send its subscribe message with -x'
binance\t'Binance spot market streams'
bitfinex\t'Bitfinex public market data (API v2)'
bybit\t'Bybit market data (API v5, spot)'
coinbase\t'Coinbase Advanced Trade market data'
deribit\t'Deribit market data and account channels'
htx\t'HTX (Huobi) spot market data, compressed with gzip'
kraken\t'Kraken spot market data (API v2)'
kucoin\t'KuCoin spot market data'
okx\t'OKX market data, and the channels of an account'
bluesky-jetstream\t'Bluesky posts, likes and follows (Jetstream)'
discord\t'Discord gateway (v10); topics are intents'
mastodon\t'Mastodon timelines and notifications'
mattermost\t'Mattermost posts, reactions and other events'
nostr\t'Nostr relays; a topic is a filter'
ntfy\t'ntfy notifications'
slack\t'Slack apps in Socket Mode'
twitch\t'Twitch EventSub'
actioncable\t'Rails Action Cable; a topic is a channel'
cdp\t'Chrome DevTools Protocol: browsers and Node.js'
centrifugo\t'Centrifugo and Centrifuge servers, JSON protocol'
ethereum\t'Ethereum nodes: blocks, logs, pending transactions'
graphql-transport-ws\t'GraphQL subscriptions; a topic is a query'
home-assistant\t'Home Assistant events and triggers'
json-rpc\t'JSON-RPC 2.0 notifications; a topic is a call'
kubernetes\t'Changes of Kubernetes objects (watch)'
phoenix\t'Phoenix channels, also Supabase Realtime'
pusher\t'Pusher Channels protocol 7, also Soketi and Reverb'
signalr\t'ASP.NET Core SignalR hubs, JSON protocol'
socket.io\t'Socket.IO 4; a topic is a namespace'
stomp\t'STOMP 1.2 over WebSocket: RabbitMQ, ActiveMQ'
wamp\t'WAMP topics (Crossbar.io and others)'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l exit-on -d 'Also end when every campaign has one of these statuses or a final one; repeatable or comma-separated' -r -f -a "draft\t'Not started yet'
scheduled\t'Waiting for its start time'
running\t'Calling contacts'
paused\t'Paused; may resume'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l history -d 'Request HOURS of history before live updates' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l mock -d 'Start a mock server in this process and connect to it; --mock=\'ARGUMENTS\' passes arguments of serve-mock' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l from -d 'Read messages from a recording or NDJSON instead of a connection; - is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s f -l filter -l jq -d 'Print the outputs of this jq program instead of the messages' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l filter-file -d 'Read the jq program from a file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l arg -d 'Set $N to the string V in every jq program' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l argjson -d 'Set $N to the JSON value V' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l slurpfile -d 'Set $N to an array of the JSON values in a file' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l rawfile -d 'Set $N to the text of a file, as a string' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l args -d 'Put the words up to the next option into $ARGS.positional as strings. Give the URL before this option' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l jsonargs -d 'Put the words up to the next option into $ARGS.positional as JSON values' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l library-path -d 'Search imported jq modules in DIR instead of ~/.jq (jq\'s -L)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l filter-errors -d 'If the filter fails on a message: warn and continue, or exit 5' -r -f -a "warn\t'Warn and continue'
fail\t'Exit with status 5'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l decode -d 'Decode incoming messages with these steps, in this order: text, gzip, zlib, deflate, zstd or zstd:DICTIONARY, brotli, zlib-stream, msgpack, cbor, protobuf:DESCRIPTORS:MESSAGE, lines, rs, nul, json-array, auto [default: none]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l decode-errors -d 'If a message cannot be decoded: warn and continue, or exit 21' -r -f -a "warn\t'Warn and continue'
fail\t'End the session'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l invalid-utf8 -d 'If a text message is not UTF-8: exit 21, or replace the invalid bytes with U+FFFD and continue' -r -f -a "fail\t'End the session'
replace\t'Replace the invalid bytes with U+FFFD and continue'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l indent -d 'Indent JSON by N spaces for each level, at most 7 [default: 0, one line]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l binary -d 'Print binary messages in this form' -r -f -a "base64\t'Base64 (RFC 4648 §4); in quotes if the line is JSON'
hex\t'Lowercase hexadecimal; in quotes if the line is JSON'
raw\t'The bytes themselves, without newlines between messages'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s o -l output -d 'Append lines to FILE instead of writing to standard output (-); SIGHUP reopens it' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l record -d 'Write records of every event to FILE; FILE.har writes the HAR format' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l buffer -d 'Memory for output that is not read yet [default: 64M]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l overflow -d 'What to do when --buffer is full [default: spill; block for connect]' -r -f -a "block\t'Stop reading from the server, which may drop a slow client'
spill\t'Buffer in an unlinked file in TMPDIR'
drop-oldest\t'Drop the oldest messages, and count them'
exit\t'Exit with status 30'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l spill-limit -d 'Exit with 30 when the spill file of --overflow exceeds SIZE [default: 4G]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l to -d 'Store lines in a broker instead of printing them: redis://HOST/STREAM (rediss), nats://HOST/SUBJECT (tls), kafka://HOST/TOPIC (kafkas); repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l to-cmd -d 'Write lines to a shell command, which prints how many it has stored, instead of standard output; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l to-key -d 'Set the key of each line with this jq program, which sees the message: the key, or {key, headers}' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l dead-letter -d 'Append refused lines to FILE and continue, instead of exiting with status 30' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l count -d 'End after N output lines [default: no limit]. With --envelope and no filter, count received messages only' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l until -d 'End with status 0 once this jq expression is true; print the matching message' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l fail-if -d 'End with status 1 as soon as this jq expression is true' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l idle-timeout -d 'End when no message has arrived for D [default: never]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l max-time -l timeout -d 'End after D [default: no limit]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s w -l linger -l wait -d 'After input ends, wait for D of silence, then exit; forever keeps listening [default: forever; for connect, 2s if something was sent]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l ok-close -d 'Treat this close code as clean too, besides 1000, 1001 and 1005: exit with 0, do not reconnect; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l close-code -d 'Close code to send at the end of the session [default: 1000]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l close-reason -d 'Close reason to send at the end of the session' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s H -l header -d 'Send this header; repeatable. K: removes a header, @FILE reads one per line, again for every connection' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s b -l cookie -d 'Send these cookies, as NAME=VALUE[; NAME=VALUE]; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l origin -d 'Send this Origin' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s s -l subprotocol -d 'Offer this subprotocol; repeatable or comma-separated' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l compress -d 'Compression parameters to offer, comma-separated [default: client_max_window_bits]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s u -l user -l auth -d 'User and password for Basic authentication, or for Digest if the server requests it; @FILE reads them' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l bearer -d 'Send this bearer token. To keep it out of the process list, use --token-env or --token-file' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l token-env -d 'Read the credential from environment variable VAR' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l token-file -d 'Read the credential from the first line of FILE, again on each connect; - is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l token-command -d 'Run this shell command on each connect and use the first line of its output as the credential. If it fails, wstap retries as after a network failure' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l token -d 'Use this credential; other users can see it in the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l token-in -d 'Where to send the credential: query, query:NAME, header, header:NAME or bearer [default: depends on the dialect]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l cacert -l ca -d 'Trust the certificates in this PEM file instead of the system\'s; also the server\'s own certificate' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l cert -d 'Client certificate chain (PEM), or PKCS#12 file with certificate and key' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l cert-type -d 'Format of the --cert file; by default, wstap detects it' -r -f -a "PEM\t'PEM files'
P12\t'PKCS#12: certificates and key in one file'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l key -d 'Private key of the client certificate (PEM)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l pass -d 'Passphrase of the private key or PKCS#12 file; @FILE reads it. By default, wstap asks on the terminal' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l pinnedpubkey -d 'Accept only servers with one of these public keys: sha256//BASE64, separated by semicolons' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l tls-min -d 'Oldest TLS version to allow [default: 1.2]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l tls-max -d 'Newest TLS version to allow [default: 1.3]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l resolve -d 'Use ADDR for HOST and PORT instead of a DNS lookup; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l connect-to -d 'Connect to HOST2:PORT2 instead of HOST1:PORT1, keeping Host and SNI; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l unix-socket -d 'Connect through this Unix socket' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l proxy -d 'Use this proxy: http://, socks5:// (or socks://) or socks5h://, optionally with USER:PASSWORD@; \'\' disables proxies [default: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l noproxy -d 'Connect to these hosts without a proxy; comma-separated [default: NO_PROXY]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l max-redirects -d 'Most redirects to follow with -L [default: 10]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l connect-timeout -d 'Time limit from name resolution to the end of the upgrade [default: 10s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l max-message-size -d 'Largest incoming message, such as 16M; 0 disables the limit [default: 64M, or the dialect\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l ping-interval -d 'Interval between pings; 0s disables them [default: 25s, or the dialect\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l ping-timeout -d 'Consider the connection dead if nothing arrives for D after a ping [default: 20s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l retries -d 'Give up after N failed attempts in a row; implies --reconnect [default: no limit]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l retry-close -d 'Also reconnect after these close codes, such as 1000,4000-4999; implies --reconnect. Always retried: 1001, 1005, 1006, 1011-1014 and 4000, or the dialect\'s own codes' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l reconnect-delay -d 'Longest delay before the first retry; doubles with every attempt [default: 1s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l reconnect-max-delay -d 'Longest delay before any retry [default: 30s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l time-scale -d 'Run the dialect\'s timers N times as fast, for a mock with the same --time-scale [default: 1, or --mock\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l log-format -d 'Print notices on stderr as text, or as one JSON object per line' -r -f -a "text\t'Plain text'
json\t'One JSON object per line'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l color -d 'When to use color' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l monitor -d 'Watch the campaigns over one connection, to the provider\'s endpoint for all campaigns'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l all -d 'Watch every campaign of that endpoint (implies --monitor)'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l progress -d 'Print one normalized progress record per change instead of raw messages'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l ndjson -d 'Print lines on a terminal too, instead of the live screen'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s n -l null-input -d 'Run the filter once with null as input; input and inputs read the live stream'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s e -l exit-status -d 'Set the exit status from the last output: 1 for false or null, 4 for no output'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l envelope -d 'Print a record for every event (open, message, close, …). Filters get these records instead of messages'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s r -l raw-output -d 'Print strings without quotes'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s j -l join-output -d 'Like --raw-output, with nothing between outputs'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l pretty -d 'Indent JSON by two spaces'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s c -l compact-output -d 'Print JSON on one line (the default); the last of this, --pretty, --tab and --indent wins'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l tab -d 'Indent JSON with a tab for each level'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s S -l sort-keys -d 'Sort the fields of every object by name'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s a -l ascii-output -d 'Print non-ASCII characters as \\uXXXX escapes'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l seq -d 'Start each JSON text with the record separator U+001E (RFC 7464)'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l unbuffered -d 'Write each line immediately. wstap always does; accepted because jq has it'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l show-secrets -d 'Do not redact credentials in records and in the provider\'s messages'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l tee -d 'With --to and --to-cmd, also write lines to standard output or to -o'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l no-compress -d 'Do not offer compression'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l digest -d 'Use only Digest authentication, which never sends the password itself'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l accesskey -d 'Send the credential as query parameter accesskey (short for --token-in query:accesskey)'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s k -l insecure -d 'Accept any server certificate'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l tls-keylog -d 'Append TLS session keys to the file named by SSLKEYLOGFILE, to decrypt captured traffic'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s L -l location -d 'Follow redirects'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l reconnect -d 'Reconnect after a loss, and retry a failed first connection. By default, subscribe and watch-campaign reconnect after a loss'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l no-reconnect -d 'Do not reconnect'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s q -l quiet -d 'Print only errors; warnings of -k and --tls-keylog still appear'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s v -l verbose -d 'Show connection steps, request and response headers, and close frames; -vv also shows every frame'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s d -l dialect -d 'Dialect whose credentials and subprotocols to use [default: guessed from the URL]' -r -f -a "burki\t'Burki: progress of calling campaigns; topic: campaign ID'
kadoa\t'Kadoa: workflow data of a team, with replay; no topics'
voipbin\t'VoIPBIN: calls, messages; topic: SCOPE:ID:TYPE:RESOURCE_ID'
ryze\t'RyzeAPI: events of one WhatsApp instance; topic: its name'
plain\t'any WebSocket server; send its subscribe message with -x'
binance\t'Binance spot market streams'
bitfinex\t'Bitfinex public market data (API v2)'
bybit\t'Bybit market data (API v5, spot)'
coinbase\t'Coinbase Advanced Trade market data'
deribit\t'Deribit market data and account channels'
htx\t'HTX (Huobi) spot market data, compressed with gzip'
kraken\t'Kraken spot market data (API v2)'
kucoin\t'KuCoin spot market data'
okx\t'OKX market data, and the channels of an account'
bluesky-jetstream\t'Bluesky posts, likes and follows (Jetstream)'
discord\t'Discord gateway (v10); topics are intents'
mastodon\t'Mastodon timelines and notifications'
mattermost\t'Mattermost posts, reactions and other events'
nostr\t'Nostr relays; a topic is a filter'
ntfy\t'ntfy notifications'
slack\t'Slack apps in Socket Mode'
twitch\t'Twitch EventSub'
actioncable\t'Rails Action Cable; a topic is a channel'
cdp\t'Chrome DevTools Protocol: browsers and Node.js'
centrifugo\t'Centrifugo and Centrifuge servers, JSON protocol'
ethereum\t'Ethereum nodes: blocks, logs, pending transactions'
graphql-transport-ws\t'GraphQL subscriptions; a topic is a query'
home-assistant\t'Home Assistant events and triggers'
json-rpc\t'JSON-RPC 2.0 notifications; a topic is a call'
kubernetes\t'Changes of Kubernetes objects (watch)'
phoenix\t'Phoenix channels, also Supabase Realtime'
pusher\t'Pusher Channels protocol 7, also Soketi and Reverb'
signalr\t'ASP.NET Core SignalR hubs, JSON protocol'
socket.io\t'Socket.IO 4; a topic is a namespace'
stomp\t'STOMP 1.2 over WebSocket: RabbitMQ, ActiveMQ'
wamp\t'WAMP topics (Crossbar.io and others)'"
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l mock -d 'Start a mock server in this process and probe it; --mock=\'ARGUMENTS\' passes arguments of serve-mock' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l format -d 'Format of the report [default: text on a terminal, else json]' -r -f -a "json\t'One JSON record per line'
text\t'A page to read'
nagios\t'One line with performance data, and exit status 0 to 3, for Nagios, Icinga and Checkmk'
prometheus\t'Metrics for the textfile collector of Prometheus\' node exporter'"
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l origins -d 'Probe once with each Origin: none, same, null, or any other; comma-separated' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l repeat -d 'Probe N times, then print a summary [default: 1]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l interval -d 'Time from the start of one probe to the start of the next, with --repeat' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s x -l send -d 'Send this message, or the content of @FILE, after the upgrade; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l max-time -d 'Time limit for --live; waits up to half of it for the first message' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l expect -d 'Require this jq expression over the record to be true; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l expect-status -d 'Require one of these HTTP statuses; comma-separated' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l min-cert-days -d 'Require the server\'s certificate to be valid for at least N more days' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l max -d 'Longest time a phase may take: dns, tcp, proxy, tls, upgrade, total; with --live also message, pong, close; comma-separated' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s H -l header -d 'Send this header; repeatable. K: removes a header, @FILE reads one per line, again for every connection' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s b -l cookie -d 'Send these cookies, as NAME=VALUE[; NAME=VALUE]; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l origin -d 'Send this Origin' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s s -l subprotocol -d 'Offer this subprotocol; repeatable or comma-separated' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l compress -d 'Compression parameters to offer, comma-separated [default: client_max_window_bits]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s u -l user -l auth -d 'User and password for Basic authentication, or for Digest if the server requests it; @FILE reads them' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l bearer -d 'Send this bearer token. To keep it out of the process list, use --token-env or --token-file' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l token-env -d 'Read the credential from environment variable VAR' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l token-file -d 'Read the credential from the first line of FILE, again on each connect; - is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l token-command -d 'Run this shell command on each connect and use the first line of its output as the credential. If it fails, wstap retries as after a network failure' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l token -d 'Use this credential; other users can see it in the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l token-in -d 'Where to send the credential: query, query:NAME, header, header:NAME or bearer [default: depends on the dialect]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l cacert -l ca -d 'Trust the certificates in this PEM file instead of the system\'s; also the server\'s own certificate' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l cert -d 'Client certificate chain (PEM), or PKCS#12 file with certificate and key' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l cert-type -d 'Format of the --cert file; by default, wstap detects it' -r -f -a "PEM\t'PEM files'
P12\t'PKCS#12: certificates and key in one file'"
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l key -d 'Private key of the client certificate (PEM)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l pass -d 'Passphrase of the private key or PKCS#12 file; @FILE reads it. By default, wstap asks on the terminal' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l pinnedpubkey -d 'Accept only servers with one of these public keys: sha256//BASE64, separated by semicolons' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l tls-min -d 'Oldest TLS version to allow [default: 1.2]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l tls-max -d 'Newest TLS version to allow [default: 1.3]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l resolve -d 'Use ADDR for HOST and PORT instead of a DNS lookup; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l connect-to -d 'Connect to HOST2:PORT2 instead of HOST1:PORT1, keeping Host and SNI; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l unix-socket -d 'Connect through this Unix socket' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l proxy -d 'Use this proxy: http://, socks5:// (or socks://) or socks5h://, optionally with USER:PASSWORD@; \'\' disables proxies [default: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l noproxy -d 'Connect to these hosts without a proxy; comma-separated [default: NO_PROXY]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l max-redirects -d 'Most redirects to follow with -L [default: 10]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l connect-timeout -d 'Time limit from name resolution to the end of the upgrade [default: 10s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l max-message-size -d 'Largest incoming message, such as 16M; 0 disables the limit [default: 64M, or the dialect\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l alpn -d 'ALPN protocols to offer, comma-separated [default: http/1.1]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l log-format -d 'Print notices on stderr as text, or as one JSON object per line' -r -f -a "text\t'Plain text'
json\t'One JSON object per line'"
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l color -d 'When to use color' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l auth-matrix -d 'Probe without a credential, then with a wrong and the right one as query parameter, header and bearer token'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l version-check -d 'Request WebSocket version 99, which a server must refuse with 426 and a list of its versions'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l all-addresses -d 'Probe each address of the host'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l live -d 'After the upgrade, wait for the first message, ping, check every frame, and close'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l no-compress -d 'Do not offer compression'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l digest -d 'Use only Digest authentication, which never sends the password itself'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l accesskey -d 'Send the credential as query parameter accesskey (short for --token-in query:accesskey)'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s k -l insecure -d 'Accept any server certificate'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l tls-keylog -d 'Append TLS session keys to the file named by SSLKEYLOGFILE, to decrypt captured traffic'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s L -l location -d 'Follow redirects'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s q -l quiet -d 'Print only errors; warnings of -k and --tls-keylog still appear'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s v -l verbose -d 'Show connection steps, request and response headers, and close frames; -vv also shows every frame'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s d -l dialect -d 'Dialect whose credentials and subprotocols to use [default: guessed from the URL]' -r -f -a "burki\t'Burki: progress of calling campaigns; topic: campaign ID'
kadoa\t'Kadoa: workflow data of a team, with replay; no topics'
voipbin\t'VoIPBIN: calls, messages; topic: SCOPE:ID:TYPE:RESOURCE_ID'
ryze\t'RyzeAPI: events of one WhatsApp instance; topic: its name'
plain\t'any WebSocket server; send its subscribe message with -x'
binance\t'Binance spot market streams'
bitfinex\t'Bitfinex public market data (API v2)'
bybit\t'Bybit market data (API v5, spot)'
coinbase\t'Coinbase Advanced Trade market data'
deribit\t'Deribit market data and account channels'
htx\t'HTX (Huobi) spot market data, compressed with gzip'
kraken\t'Kraken spot market data (API v2)'
kucoin\t'KuCoin spot market data'
okx\t'OKX market data, and the channels of an account'
bluesky-jetstream\t'Bluesky posts, likes and follows (Jetstream)'
discord\t'Discord gateway (v10); topics are intents'
mastodon\t'Mastodon timelines and notifications'
mattermost\t'Mattermost posts, reactions and other events'
nostr\t'Nostr relays; a topic is a filter'
ntfy\t'ntfy notifications'
slack\t'Slack apps in Socket Mode'
twitch\t'Twitch EventSub'
actioncable\t'Rails Action Cable; a topic is a channel'
cdp\t'Chrome DevTools Protocol: browsers and Node.js'
centrifugo\t'Centrifugo and Centrifuge servers, JSON protocol'
ethereum\t'Ethereum nodes: blocks, logs, pending transactions'
graphql-transport-ws\t'GraphQL subscriptions; a topic is a query'
home-assistant\t'Home Assistant events and triggers'
json-rpc\t'JSON-RPC 2.0 notifications; a topic is a call'
kubernetes\t'Changes of Kubernetes objects (watch)'
phoenix\t'Phoenix channels, also Supabase Realtime'
pusher\t'Pusher Channels protocol 7, also Soketi and Reverb'
signalr\t'ASP.NET Core SignalR hubs, JSON protocol'
socket.io\t'Socket.IO 4; a topic is a namespace'
stomp\t'STOMP 1.2 over WebSocket: RabbitMQ, ActiveMQ'
wamp\t'WAMP topics (Crossbar.io and others)'"
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l mock -d 'Start a mock server in this process and probe it; --mock=\'ARGUMENTS\' passes arguments of serve-mock' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l format -d 'Format of the report [default: text on a terminal, else json]' -r -f -a "json\t'One JSON record per line'
text\t'A page to read'
nagios\t'One line with performance data, and exit status 0 to 3, for Nagios, Icinga and Checkmk'
prometheus\t'Metrics for the textfile collector of Prometheus\' node exporter'"
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l origins -d 'Probe once with each Origin: none, same, null, or any other; comma-separated' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l repeat -d 'Probe N times, then print a summary [default: 1]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l interval -d 'Time from the start of one probe to the start of the next, with --repeat' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s x -l send -d 'Send this message, or the content of @FILE, after the upgrade; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l max-time -d 'Time limit for --live; waits up to half of it for the first message' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l expect -d 'Require this jq expression over the record to be true; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l expect-status -d 'Require one of these HTTP statuses; comma-separated' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l min-cert-days -d 'Require the server\'s certificate to be valid for at least N more days' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l max -d 'Longest time a phase may take: dns, tcp, proxy, tls, upgrade, total; with --live also message, pong, close; comma-separated' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s H -l header -d 'Send this header; repeatable. K: removes a header, @FILE reads one per line, again for every connection' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s b -l cookie -d 'Send these cookies, as NAME=VALUE[; NAME=VALUE]; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l origin -d 'Send this Origin' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s s -l subprotocol -d 'Offer this subprotocol; repeatable or comma-separated' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l compress -d 'Compression parameters to offer, comma-separated [default: client_max_window_bits]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s u -l user -l auth -d 'User and password for Basic authentication, or for Digest if the server requests it; @FILE reads them' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l bearer -d 'Send this bearer token. To keep it out of the process list, use --token-env or --token-file' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l token-env -d 'Read the credential from environment variable VAR' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l token-file -d 'Read the credential from the first line of FILE, again on each connect; - is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l token-command -d 'Run this shell command on each connect and use the first line of its output as the credential. If it fails, wstap retries as after a network failure' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l token -d 'Use this credential; other users can see it in the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l token-in -d 'Where to send the credential: query, query:NAME, header, header:NAME or bearer [default: depends on the dialect]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l cacert -l ca -d 'Trust the certificates in this PEM file instead of the system\'s; also the server\'s own certificate' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l cert -d 'Client certificate chain (PEM), or PKCS#12 file with certificate and key' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l cert-type -d 'Format of the --cert file; by default, wstap detects it' -r -f -a "PEM\t'PEM files'
P12\t'PKCS#12: certificates and key in one file'"
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l key -d 'Private key of the client certificate (PEM)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l pass -d 'Passphrase of the private key or PKCS#12 file; @FILE reads it. By default, wstap asks on the terminal' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l pinnedpubkey -d 'Accept only servers with one of these public keys: sha256//BASE64, separated by semicolons' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l tls-min -d 'Oldest TLS version to allow [default: 1.2]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l tls-max -d 'Newest TLS version to allow [default: 1.3]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l resolve -d 'Use ADDR for HOST and PORT instead of a DNS lookup; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l connect-to -d 'Connect to HOST2:PORT2 instead of HOST1:PORT1, keeping Host and SNI; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l unix-socket -d 'Connect through this Unix socket' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l proxy -d 'Use this proxy: http://, socks5:// (or socks://) or socks5h://, optionally with USER:PASSWORD@; \'\' disables proxies [default: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l noproxy -d 'Connect to these hosts without a proxy; comma-separated [default: NO_PROXY]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l max-redirects -d 'Most redirects to follow with -L [default: 10]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l connect-timeout -d 'Time limit from name resolution to the end of the upgrade [default: 10s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l max-message-size -d 'Largest incoming message, such as 16M; 0 disables the limit [default: 64M, or the dialect\'s own]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l alpn -d 'ALPN protocols to offer, comma-separated [default: http/1.1]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l log-format -d 'Print notices on stderr as text, or as one JSON object per line' -r -f -a "text\t'Plain text'
json\t'One JSON object per line'"
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l color -d 'When to use color' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l auth-matrix -d 'Probe without a credential, then with a wrong and the right one as query parameter, header and bearer token'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l version-check -d 'Request WebSocket version 99, which a server must refuse with 426 and a list of its versions'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l all-addresses -d 'Probe each address of the host'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l live -d 'After the upgrade, wait for the first message, ping, check every frame, and close'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l no-compress -d 'Do not offer compression'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l digest -d 'Use only Digest authentication, which never sends the password itself'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l accesskey -d 'Send the credential as query parameter accesskey (short for --token-in query:accesskey)'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s k -l insecure -d 'Accept any server certificate'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l tls-keylog -d 'Append TLS session keys to the file named by SSLKEYLOGFILE, to decrypt captured traffic'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s L -l location -d 'Follow redirects'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s q -l quiet -d 'Print only errors; warnings of -k and --tls-keylog still appear'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s v -l verbose -d 'Show connection steps, request and response headers, and close frames; -vv also shows every frame'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l host -d 'Address to listen on' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l port -d 'Port to listen on; 0 picks a free one' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l token -d 'Accept only this token [default: any, except \'invalid\', \'expired\' and the empty one]' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l rate -d 'Events per second for each client; may be a fraction, or \'max\' for as fast as the client reads' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l events -d 'Stop after N events for each client [default: never]' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l duration -d 'Stop this long after the first event [default: never]' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l then -d 'What to do with a connection after its last event' -r -f -a "stay\t'Keep it open and silent'
close\t''"
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l seed -d 'Seed of all generated data: the same seed and subscriptions give the same bytes' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l deny -d 'Refuse subscriptions to topics that match PATTERN, where * matches any text; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l subscribe-limit -d 'Subscribe messages a connection may send in 10 seconds before the rate-limit error' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l compress -d 'Compression parameters to request from clients that offer compression, comma-separated [default: none]' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l time-scale -d 'Run the provider\'s timers (heartbeats, pings, timeouts, campaign calls) N times as fast' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l behave -d 'Which behavior to imitate where a provider\'s documentation and service differ' -r -f -a "documented\t'The provider\'s documentation'
real\t'The running service, as far as known'"
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l allow-origin -d 'Also accept requests with this Origin, if the provider checks it; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l drain-after -d 'After N events, announce a shutdown and close all connections a little later' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l history -d 'Start with N old events in the provider\'s log, to test catching up' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l outcome -d 'How campaigns end; each of the campaigns 1 to 100 starts when it is first watched' -r -f -a "completed\t'All contacts are called'
failed\t'Fails halfway'
cancelled\t'Is cancelled halfway'
paused\t'Is paused halfway and never resumed'"
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l contacts -d 'Number of contacts in each campaign' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l fault -d 'Inject this fault, such as close=1011@5 or latency=50ms±20ms; repeatable; `--help` lists all' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l scenario -d 'Run the scripts in this TOML file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l on -d 'Answer each message with the outputs of this jq program, on all paths without a provider; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l replay -d 'Play this recording (or HAR) to every client, on all paths without a provider' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l speed -d 'Speed of --replay: a factor, or \'max\' for as fast as the client reads' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l expect -d 'Exit with status 1 unless some message of a client matches this jq program; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l ca-file -d 'Write the CA certificate to FILE instead of a temporary file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l cert -d 'Speak TLS with this certificate chain (PEM)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l key -d 'Private key of --cert, if it is not in the same file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l control-token-env -d 'Read the token of the control API from environment variable NAME' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l control-token-file -d 'Read the token of the control API from FILE; create FILE with a random token if it does not exist' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l upstream -d 'Connect every client on to this endpoint, and pass frames both ways unchanged' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l upstream-header -d 'Send this header to the upstream, instead of the client\'s own; repeatable. K: removes one, @FILE reads them' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l record -d 'Write records of all traffic to FILE, for --replay and --from; a name that ends in .har makes a HAR' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l map-in -d 'Replace each text message from the upstream by the outputs of this jq program; no output drops it' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l map-out -d 'Replace each text message from a client by the outputs of this jq program; no output drops it' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l buffer -d 'Memory for one connection; a message of more than a quarter is neither recorded nor changed [default: 64M]' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l cacert -l ca -d 'Trust the certificates in this PEM file for the upstream, instead of the system\'s' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l pinnedpubkey -d 'Accept only upstreams with one of these public keys: sha256//BASE64, separated by semicolons' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l upstream-cert -d 'Client certificate for the upstream: a PEM chain, or a PKCS#12 file with certificate and key' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l upstream-key -d 'Private key of --upstream-cert (PEM), if it is not in the same file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l resolve -d 'Use ADDR for HOST and PORT of the upstream instead of a DNS lookup; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l proxy -d 'Connect to the upstream through this proxy: http://, socks5:// or socks5h://; \'\' disables proxies' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l connect-timeout -d 'Time limit for connecting a client to the upstream [default: 10s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -s d -l dialect -d 'Serve the mock of this dialect file as well, or of a dialect in the configuration folder; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l port-file -l url-file -d 'Write the URL to FILE as soon as the server listens' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l announce -d 'What to print on standard output once the server listens [default: url; nothing with --exec]' -r -f -a "url\t'The URL of the dialect if one is named, else the base URL of all'
json\t'URLs, port, control API and CA file, as JSON'"
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l exit-after -d 'Exit after N connections have closed (3), after a time (30s), or when the scenario is done (scenario) [default: never]' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l exec -d 'Run this command once the server listens, and exit with its status; takes all remaining arguments' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l log-format -d 'Print notices on stderr as text, or as one JSON object per line' -r -f -a "text\t'Plain text'
json\t'One JSON object per line'"
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l color -d 'When to use color' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l no-compress -d 'Decline compression'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l no-ack -d 'Never acknowledge a subscription, as some real servers do'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l sync -d 'Wait for a message of the client wherever the recorded client sent one'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l tls -d 'Speak TLS, with a certificate from a temporary CA'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l no-control -d 'Disable the control API'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l own-pings -d 'Answer pings in the mock instead of passing pings and pongs'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -s k -l insecure -d 'Accept any certificate of the upstream'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -s q -l quiet -d 'Print only errors; warnings of -k and --tls-keylog still appear'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -s v -l verbose -d 'Show connection steps, request and response headers, and close frames; -vv also shows every frame'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l host -d 'Address to listen on' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l port -d 'Port to listen on; 0 picks a free one' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l token -d 'Accept only this token [default: any, except \'invalid\', \'expired\' and the empty one]' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l rate -d 'Events per second for each client; may be a fraction, or \'max\' for as fast as the client reads' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l events -d 'Stop after N events for each client [default: never]' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l duration -d 'Stop this long after the first event [default: never]' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l then -d 'What to do with a connection after its last event' -r -f -a "stay\t'Keep it open and silent'
close\t''"
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l seed -d 'Seed of all generated data: the same seed and subscriptions give the same bytes' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l deny -d 'Refuse subscriptions to topics that match PATTERN, where * matches any text; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l subscribe-limit -d 'Subscribe messages a connection may send in 10 seconds before the rate-limit error' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l compress -d 'Compression parameters to request from clients that offer compression, comma-separated [default: none]' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l time-scale -d 'Run the provider\'s timers (heartbeats, pings, timeouts, campaign calls) N times as fast' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l behave -d 'Which behavior to imitate where a provider\'s documentation and service differ' -r -f -a "documented\t'The provider\'s documentation'
real\t'The running service, as far as known'"
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l allow-origin -d 'Also accept requests with this Origin, if the provider checks it; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l drain-after -d 'After N events, announce a shutdown and close all connections a little later' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l history -d 'Start with N old events in the provider\'s log, to test catching up' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l outcome -d 'How campaigns end; each of the campaigns 1 to 100 starts when it is first watched' -r -f -a "completed\t'All contacts are called'
failed\t'Fails halfway'
cancelled\t'Is cancelled halfway'
paused\t'Is paused halfway and never resumed'"
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l contacts -d 'Number of contacts in each campaign' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l fault -d 'Inject this fault, such as close=1011@5 or latency=50ms±20ms; repeatable; `--help` lists all' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l scenario -d 'Run the scripts in this TOML file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l on -d 'Answer each message with the outputs of this jq program, on all paths without a provider; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l replay -d 'Play this recording (or HAR) to every client, on all paths without a provider' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l speed -d 'Speed of --replay: a factor, or \'max\' for as fast as the client reads' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l expect -d 'Exit with status 1 unless some message of a client matches this jq program; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l ca-file -d 'Write the CA certificate to FILE instead of a temporary file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l cert -d 'Speak TLS with this certificate chain (PEM)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l key -d 'Private key of --cert, if it is not in the same file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l control-token-env -d 'Read the token of the control API from environment variable NAME' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l control-token-file -d 'Read the token of the control API from FILE; create FILE with a random token if it does not exist' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l upstream -d 'Connect every client on to this endpoint, and pass frames both ways unchanged' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l upstream-header -d 'Send this header to the upstream, instead of the client\'s own; repeatable. K: removes one, @FILE reads them' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l record -d 'Write records of all traffic to FILE, for --replay and --from; a name that ends in .har makes a HAR' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l map-in -d 'Replace each text message from the upstream by the outputs of this jq program; no output drops it' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l map-out -d 'Replace each text message from a client by the outputs of this jq program; no output drops it' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l buffer -d 'Memory for one connection; a message of more than a quarter is neither recorded nor changed [default: 64M]' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l cacert -l ca -d 'Trust the certificates in this PEM file for the upstream, instead of the system\'s' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l pinnedpubkey -d 'Accept only upstreams with one of these public keys: sha256//BASE64, separated by semicolons' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l upstream-cert -d 'Client certificate for the upstream: a PEM chain, or a PKCS#12 file with certificate and key' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l upstream-key -d 'Private key of --upstream-cert (PEM), if it is not in the same file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l resolve -d 'Use ADDR for HOST and PORT of the upstream instead of a DNS lookup; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l proxy -d 'Connect to the upstream through this proxy: http://, socks5:// or socks5h://; \'\' disables proxies' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l connect-timeout -d 'Time limit for connecting a client to the upstream [default: 10s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -s d -l dialect -d 'Serve the mock of this dialect file as well, or of a dialect in the configuration folder; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l port-file -l url-file -d 'Write the URL to FILE as soon as the server listens' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l announce -d 'What to print on standard output once the server listens [default: url; nothing with --exec]' -r -f -a "url\t'The URL of the dialect if one is named, else the base URL of all'
json\t'URLs, port, control API and CA file, as JSON'"
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l exit-after -d 'Exit after N connections have closed (3), after a time (30s), or when the scenario is done (scenario) [default: never]' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l exec -d 'Run this command once the server listens, and exit with its status; takes all remaining arguments' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l log-format -d 'Print notices on stderr as text, or as one JSON object per line' -r -f -a "text\t'Plain text'
json\t'One JSON object per line'"
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l color -d 'When to use color' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l no-compress -d 'Decline compression'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l no-ack -d 'Never acknowledge a subscription, as some real servers do'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l sync -d 'Wait for a message of the client wherever the recorded client sent one'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l tls -d 'Speak TLS, with a certificate from a temporary CA'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l no-control -d 'Disable the control API'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l own-pings -d 'Answer pings in the mock instead of passing pings and pongs'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -s k -l insecure -d 'Accept any certificate of the upstream'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -s q -l quiet -d 'Print only errors; warnings of -k and --tls-keylog still appear'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -s v -l verbose -d 'Show connection steps, request and response headers, and close frames; -vv also shows every frame'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand completions" -l dir -d 'Write the scripts for all shells to DIR instead' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand completions" -l log-format -d 'Print notices on stderr as text, or as one JSON object per line' -r -f -a "text\t'Plain text'
json\t'One JSON object per line'"
complete -c wstap -n "__fish_wstap_using_subcommand completions" -l color -d 'When to use color' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand completions" -s q -l quiet -d 'Print only errors; warnings of -k and --tls-keylog still appear'
complete -c wstap -n "__fish_wstap_using_subcommand completions" -s v -l verbose -d 'Show connection steps, request and response headers, and close frames; -vv also shows every frame'
complete -c wstap -n "__fish_wstap_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand man" -l dir -d 'Write all pages to DIR instead' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand man" -l log-format -d 'Print notices on stderr as text, or as one JSON object per line' -r -f -a "text\t'Plain text'
json\t'One JSON object per line'"
complete -c wstap -n "__fish_wstap_using_subcommand man" -l color -d 'When to use color' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand man" -s q -l quiet -d 'Print only errors; warnings of -k and --tls-keylog still appear'
complete -c wstap -n "__fish_wstap_using_subcommand man" -s v -l verbose -d 'Show connection steps, request and response headers, and close frames; -vv also shows every frame'
complete -c wstap -n "__fish_wstap_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand help; and not __fish_seen_subcommand_from connect subscribe watch-campaign probe-handshake serve-mock completions man help" -f -a "connect" -d 'Connect to a WebSocket server: send lines, print messages'
complete -c wstap -n "__fish_wstap_using_subcommand help; and not __fish_seen_subcommand_from connect subscribe watch-campaign probe-handshake serve-mock completions man help" -f -a "subscribe" -d 'Subscribe to topics and print their events'
complete -c wstap -n "__fish_wstap_using_subcommand help; and not __fish_seen_subcommand_from connect subscribe watch-campaign probe-handshake serve-mock completions man help" -f -a "watch-campaign" -d 'Watch campaigns until they end; exit with their outcome'
complete -c wstap -n "__fish_wstap_using_subcommand help; and not __fish_seen_subcommand_from connect subscribe watch-campaign probe-handshake serve-mock completions man help" -f -a "probe-handshake" -d 'Check an endpoint: DNS, TLS, handshake, RFC 6455'
complete -c wstap -n "__fish_wstap_using_subcommand help; and not __fish_seen_subcommand_from connect subscribe watch-campaign probe-handshake serve-mock completions man help" -f -a "serve-mock" -d 'Run mock servers for all providers on one port'
complete -c wstap -n "__fish_wstap_using_subcommand help; and not __fish_seen_subcommand_from connect subscribe watch-campaign probe-handshake serve-mock completions man help" -f -a "completions" -d 'Print the completion script for a shell'
complete -c wstap -n "__fish_wstap_using_subcommand help; and not __fish_seen_subcommand_from connect subscribe watch-campaign probe-handshake serve-mock completions man help" -f -a "man" -d 'Show a manual page'
complete -c wstap -n "__fish_wstap_using_subcommand help; and not __fish_seen_subcommand_from connect subscribe watch-campaign probe-handshake serve-mock completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
