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

complete -c wstap -n "__fish_wstap_needs_command" -l log-format -d 'Notices on stderr as text, or as one JSON object a line' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c wstap -n "__fish_wstap_needs_command" -l color -d 'Colour on terminals, always or never' -r -f -a "auto\t'On terminals, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_needs_command" -s q -l quiet -d 'Show errors only, and what lets others listen (-k, --tls-keylog)'
complete -c wstap -n "__fish_wstap_needs_command" -s v -l verbose -d 'Print how the connection is made, headers and close frames; -vv prints every frame as well'
complete -c wstap -n "__fish_wstap_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_needs_command" -s V -l version -d 'Print version'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "connect" -d 'Talk to any WebSocket endpoint: lines of standard input go out, messages come in as lines'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "subscribe" -d 'Subscribe to topics of a provider and print its events'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "sub" -d 'Subscribe to topics of a provider and print its events'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "watch-campaign" -d 'Watch the progress of campaigns; the exit status says what came of them'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "watch" -d 'Watch the progress of campaigns; the exit status says what came of them'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "probe-handshake" -d 'Report on an endpoint: network, TLS, upgrade, every check; with gates for CI'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "probe" -d 'Report on an endpoint: network, TLS, upgrade, every check; with gates for CI'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "serve-mock" -d 'Run a mock of the providers on a loopback port'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "mock" -d 'Run a mock of the providers on a loopback port'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "man" -d 'Print the manual page'
complete -c wstap -n "__fish_wstap_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s d -l dialect -d 'How to speak to the provider: a name, or a TOML file of your own; guessed from the URL' -r -f -a "burki\t'Burki: the progress of calling campaigns, by campaign id; the mock has 1 to 100'
kadoa\t'Kadoa: changes of a team\'s workflow data, acknowledged and replayed; no topics'
voipbin\t'VoIPBIN: calls, messages, queues, … by topic <scope>:<scope_id>:<resource_type>:<resource_id>'
ryze\t'RyzeAPI: messages, calls, groups and states of one WhatsApp instance, whose name is the topic'
plain\t'any endpoint; what it wants to be told is given with -x'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s x -l send -l execute -d 'Send this message on every connection, or the content of @FILE (@- is standard input, @@ a literal @); repeatable, in order' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l reply -d 'Run this jq program over each incoming message and send every output back' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l binary-in -d 'Standard input is binary: a message a line in base64 or hex, or raw chunks' -r -f -a "base64\t'Base64 (RFC 4648 §4), in quotes where it is a line of JSON'
hex\t'Hexadecimal, in lower case, likewise'
raw\t'The bytes themselves, with no newlines between messages'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l delimiter -d 'What ends a message on standard input: a character, `nul`, or `none` to send all of it as one [default: \\n]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l encode -d 'Encode outgoing messages with these steps, in this order; see --decode' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l mock -d 'Start a mock of the dialect in this process and connect to it; serve-mock\'s arguments may follow the `=`' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l from -d 'Read messages from a recording or NDJSON instead of a connection; `-` is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s f -l filter -l jq -d 'Print the outputs of this jq program instead of the messages' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l filter-file -d 'Read the jq program from a file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l arg -d 'Set $N to the string V in every jq program' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l argjson -d 'Set $N to the JSON value V' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l slurpfile -d 'Set $N to an array of the JSON values in a file' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l rawfile -d 'Set $N to the text of a file, as a string' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l args -d 'Take the words up to the next option as strings into $ARGS.positional. Give the URL before this option' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l jsonargs -d 'Take the words up to the next option as JSON values into $ARGS.positional' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l library-path -d 'Look for the modules that programs import in this folder instead of ~/.jq (jq\'s -L)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l filter-errors -d 'What an error of a jq program does: a notice and on, or the end with status 5' -r -f -a "warn\t'A notice, and on'
fail\t'The end'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l decode -d 'Decode incoming messages with these steps, in this order, before anything else looks at them: text, gzip, zlib, deflate, zstd or zstd:DICTIONARY, brotli, zlib-stream, msgpack, cbor, protobuf:DESCRIPTORS:MESSAGE, lines, rs, nul, json-array, auto' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l decode-errors -d 'If a message cannot be decoded: warn and continue, or exit 21' -r -f -a "warn\t'Warn and continue'
fail\t'End the session'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l invalid-utf8 -d 'If a text message is not UTF-8: exit 21, or replace the invalid bytes with U+FFFD and continue' -r -f -a "fail\t'End the session'
replace\t'Replace the invalid bytes with U+FFFD and continue'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l indent -d 'Indent JSON by N spaces for each level, at most 7; 0 prints one line' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l binary -d 'How binary messages are printed' -r -f -a "base64\t'Base64 (RFC 4648 §4), in quotes where it is a line of JSON'
hex\t'Hexadecimal, in lower case, likewise'
raw\t'The bytes themselves, with no newlines between messages'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s o -l output -d 'Add lines to this file instead of writing them to standard output, which is `-`; SIGHUP opens it anew' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l record -d 'Write records of everything to this file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l buffer -d 'Bytes that wait in memory for a reader of the output that is slow [default: 64M]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l overflow -d 'When those are full: stop reading, go on in a file, drop the oldest, or end with status 30 [default: spill; block for connect]' -r -f -a "block\t'The server is not read until there is room; it may drop a client that is slow'
spill\t'What follows waits in a file without a name, in TMPDIR'
drop-oldest\t'What came first is dropped, and counted'
exit\t'The end, with status 30'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l spill-limit -d 'Bytes that wait in the file of --overflow spill; more are an error, with status 30 [default: 4G]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l count -d 'End after N lines; with --envelope, after N received messages, unless there is a filter' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l until -d 'End with success once this jq expression is true; the matching message is printed' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l fail-if -d 'End with status 1 as soon as this jq expression is true' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l idle-timeout -d 'End when no message has come for this long' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l max-time -l timeout -d 'End after this time' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s w -l linger -l wait -d 'After standard input ended, exit once nothing has come for this long, or `forever` [default: forever; for connect, 2s after input that had lines or after -x alone]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l ok-close -d 'A close code that also counts as a clean end, and is not followed by another attempt; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l close-code -d 'Code of the close frame that ends the session [default: 1000]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l close-reason -d 'Reason in the close frame that ends the session' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s H -l header -d 'Send this header; repeatable; `K:` removes one, @FILE reads one a line, for every connection' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s b -l cookie -d 'Send these cookies, as NAME=VALUE[; NAME=VALUE]; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l origin -d 'Send this Origin' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s s -l subprotocol -d 'Offer this subprotocol; repeatable, or several with commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l compress -d 'Compression parameters to offer, comma-separated [default: client_max_window_bits]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s u -l user -l auth -d 'User and password, for Basic authentication or for Digest if the server asks for it; @FILE reads them' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l bearer -d 'Send this bearer token; see also --token-env and --token-file, which keep it out of the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l token-env -d 'Take the credential from this environment variable' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l token-file -d 'Take the credential from the first line of this file, read for every connection; `-` is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l token-command -d 'Run this shell command for every connection and take the credential from the first line that it prints. A command that fails is retried as a network failure is' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l token -d 'The credential itself; other users can see it in the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l token-in -d 'Where the credential goes: query, query:NAME, header, header:NAME or bearer; default as the provider wants it' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l cacert -l ca -d 'Trust the certificates in this PEM file instead of the system\'s. The server\'s own certificate may be one' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l cert -d 'Client certificate chain, PEM, or a PKCS#12 file with its key' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l cert-type -d 'Format of the --cert file; without this, its content decides' -r -f -a "PEM\t'PEM files'
P12\t'PKCS#12: certificates and key in one file'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l key -d 'Private key of the client certificate, PEM' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l pass -d 'Passphrase of the private key or PKCS#12 file; @FILE reads it. Without this, wstap asks on a terminal' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l pinnedpubkey -d 'Take no server whose key is not one of these: sha256//BASE64, several with semicolons' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l tls-min -d 'Oldest version of TLS to speak [default: 1.2]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l tls-max -d 'Newest version of TLS to speak [default: 1.3]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l resolve -d 'Use these addresses for a host and port; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l connect-to -d 'Connect to another host and port, keeping Host and SNI; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l unix-socket -d 'Connect through this unix socket' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l proxy -d 'Proxy: http://, socks5:// (also socks://) or socks5h://, with USER:PASSWORD@ if need be; \'\' for none' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l noproxy -d 'Hosts for which no proxy is used, separated by commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l max-redirects -d 'How many redirects to follow with -L [default: 10]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l connect-timeout -d 'Time for everything from name resolution to the end of the upgrade [default: 10s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l max-message-size -d 'Largest incoming message, such as 16M; 0 is no limit [default: 64M, or as the provider wants it]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l ping-interval -d 'Ping this often; 0s never [default: 25s, or as the provider wants it]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l ping-timeout -d 'The link is dead when nothing has come for this long after a ping was sent [default: 20s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l retries -d 'Reconnect, and give up after N attempts in a row without a stable connection between them' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l retry-close -d 'Also reconnect after these close codes, such as 1000,4000-4999 (implies --reconnect). Without it, 1001, 1005, 1006, 1011-1014 and 4000 are retried, or what the provider documents' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l reconnect-delay -d 'Bound of the first wait before an attempt; it doubles with every attempt [default: 1s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l reconnect-max-delay -d 'Bound of every wait before an attempt [default: 30s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l time-scale -d 'Run the provider\'s timers N times as fast, for a mock started with the same; --mock\'s own is taken over' -r
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l log-format -d 'Notices on stderr as text, or as one JSON object a line' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l color -d 'Colour on terminals, always or never' -r -f -a "auto\t'On terminals, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l echo -d 'Send each message back as it came'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s i -l interactive -d 'Open a prompt on the terminal. `connect` does so by itself, unless an option says when the session ends'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l no-history -d 'Do not remember in the state folder what is typed at the prompt'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s n -l null-input -d 'Run the filter once with null as input; it reads the live stream with `input` and `inputs`'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s e -l exit-status -d 'Take the exit status from the last output: 1 for false or null, 4 for none'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l envelope -d 'Print records of everything that happens instead of messages; the filter then sees records'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s r -l raw-output -d 'Print strings without quotes'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s j -l join-output -d 'Like --raw-output, with nothing between outputs'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l pretty -d 'Indent JSON by two spaces'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s c -l compact-output -d 'Print JSON on one line, as by default; the last of this, --pretty, --tab and --indent counts'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l tab -d 'Indent JSON with a tab for each level'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s S -l sort-keys -d 'Sort the fields of every object by name'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s a -l ascii-output -d 'Print characters beyond ASCII as \\uXXXX escapes'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l seq -d 'Start each JSON text with the record separator U+001E (RFC 7464)'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l unbuffered -d 'Write each line at once. Accepted as in jq: wstap always does'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l show-secrets -d 'Show credentials: those that were given, in records, and those that a provider sends in its messages'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l no-compress -d 'Do not offer compression'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l digest -d 'Use Digest authentication only, and never send the password itself'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l accesskey -d 'The credential is an access key: it goes into the query as accesskey (short for --token-in query:accesskey)'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s k -l insecure -d 'Accept any certificate'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l tls-keylog -d 'Append the keys of the TLS sessions to the file that SSLKEYLOGFILE names, to decrypt captured traffic'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s L -l location -d 'Follow redirects'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l reconnect -d 'Reconnect after a loss, and keep trying when the first connection fails (as --retries does)'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -l no-reconnect -d 'Do not reconnect'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s q -l quiet -d 'Show errors only, and what lets others listen (-k, --tls-keylog)'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s v -l verbose -d 'Print how the connection is made, headers and close frames; -vv prints every frame as well'
complete -c wstap -n "__fish_wstap_using_subcommand connect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l url -d 'Where to connect; the provider\'s own endpoint when it has one' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s d -l dialect -d 'How to speak to the provider: a name, or a TOML file of your own; guessed from the URL' -r -f -a "burki\t'Burki: the progress of calling campaigns, by campaign id; the mock has 1 to 100'
kadoa\t'Kadoa: changes of a team\'s workflow data, acknowledged and replayed; no topics'
voipbin\t'VoIPBIN: calls, messages, queues, … by topic <scope>:<scope_id>:<resource_type>:<resource_id>'
ryze\t'RyzeAPI: messages, calls, groups and states of one WhatsApp instance, whose name is the topic'
plain\t'any endpoint; what it wants to be told is given with -x'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l topics-file -d 'Read topics from this file, one a line; empty lines and lines with # in front are skipped' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l from-cursor -d 'Go on after the event with this cursor, with providers that can replay; goes before --cursor-file' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l cursor-file -d 'Go on from the cursor in this file, if it exists, and keep the cursor of the last line written in it' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s x -l send -l execute -d 'Send this message on every connection, or the content of @FILE (@- is standard input, @@ a literal @); repeatable, in order' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l reply -d 'Run this jq program over each incoming message and send every output back' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l binary-in -d 'Standard input is binary: a message a line in base64 or hex, or raw chunks' -r -f -a "base64\t'Base64 (RFC 4648 §4), in quotes where it is a line of JSON'
hex\t'Hexadecimal, in lower case, likewise'
raw\t'The bytes themselves, with no newlines between messages'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l delimiter -d 'What ends a message on standard input: a character, `nul`, or `none` to send all of it as one [default: \\n]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l encode -d 'Encode outgoing messages with these steps, in this order; see --decode' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l mock -d 'Start a mock of the dialect in this process and connect to it; serve-mock\'s arguments may follow the `=`' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l from -d 'Read messages from a recording or NDJSON instead of a connection; `-` is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s f -l filter -l jq -d 'Print the outputs of this jq program instead of the messages' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l filter-file -d 'Read the jq program from a file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l arg -d 'Set $N to the string V in every jq program' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l argjson -d 'Set $N to the JSON value V' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l slurpfile -d 'Set $N to an array of the JSON values in a file' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l rawfile -d 'Set $N to the text of a file, as a string' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l args -d 'Take the words up to the next option as strings into $ARGS.positional. Give the URL before this option' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l jsonargs -d 'Take the words up to the next option as JSON values into $ARGS.positional' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l library-path -d 'Look for the modules that programs import in this folder instead of ~/.jq (jq\'s -L)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l filter-errors -d 'What an error of a jq program does: a notice and on, or the end with status 5' -r -f -a "warn\t'A notice, and on'
fail\t'The end'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l decode -d 'Decode incoming messages with these steps, in this order, before anything else looks at them: text, gzip, zlib, deflate, zstd or zstd:DICTIONARY, brotli, zlib-stream, msgpack, cbor, protobuf:DESCRIPTORS:MESSAGE, lines, rs, nul, json-array, auto' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l decode-errors -d 'If a message cannot be decoded: warn and continue, or exit 21' -r -f -a "warn\t'Warn and continue'
fail\t'End the session'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l invalid-utf8 -d 'If a text message is not UTF-8: exit 21, or replace the invalid bytes with U+FFFD and continue' -r -f -a "fail\t'End the session'
replace\t'Replace the invalid bytes with U+FFFD and continue'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l indent -d 'Indent JSON by N spaces for each level, at most 7; 0 prints one line' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l binary -d 'How binary messages are printed' -r -f -a "base64\t'Base64 (RFC 4648 §4), in quotes where it is a line of JSON'
hex\t'Hexadecimal, in lower case, likewise'
raw\t'The bytes themselves, with no newlines between messages'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s o -l output -d 'Add lines to this file instead of writing them to standard output, which is `-`; SIGHUP opens it anew' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l record -d 'Write records of everything to this file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l buffer -d 'Bytes that wait in memory for a reader of the output that is slow [default: 64M]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l overflow -d 'When those are full: stop reading, go on in a file, drop the oldest, or end with status 30 [default: spill; block for connect]' -r -f -a "block\t'The server is not read until there is room; it may drop a client that is slow'
spill\t'What follows waits in a file without a name, in TMPDIR'
drop-oldest\t'What came first is dropped, and counted'
exit\t'The end, with status 30'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l spill-limit -d 'Bytes that wait in the file of --overflow spill; more are an error, with status 30 [default: 4G]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l count -d 'End after N lines; with --envelope, after N received messages, unless there is a filter' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l until -d 'End with success once this jq expression is true; the matching message is printed' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l fail-if -d 'End with status 1 as soon as this jq expression is true' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l idle-timeout -d 'End when no message has come for this long' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l max-time -l timeout -d 'End after this time' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s w -l linger -l wait -d 'After standard input ended, exit once nothing has come for this long, or `forever` [default: forever; for connect, 2s after input that had lines or after -x alone]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l ok-close -d 'A close code that also counts as a clean end, and is not followed by another attempt; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l close-code -d 'Code of the close frame that ends the session [default: 1000]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l close-reason -d 'Reason in the close frame that ends the session' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s H -l header -d 'Send this header; repeatable; `K:` removes one, @FILE reads one a line, for every connection' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s b -l cookie -d 'Send these cookies, as NAME=VALUE[; NAME=VALUE]; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l origin -d 'Send this Origin' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s s -l subprotocol -d 'Offer this subprotocol; repeatable, or several with commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l compress -d 'Compression parameters to offer, comma-separated [default: client_max_window_bits]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s u -l user -l auth -d 'User and password, for Basic authentication or for Digest if the server asks for it; @FILE reads them' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l bearer -d 'Send this bearer token; see also --token-env and --token-file, which keep it out of the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l token-env -d 'Take the credential from this environment variable' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l token-file -d 'Take the credential from the first line of this file, read for every connection; `-` is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l token-command -d 'Run this shell command for every connection and take the credential from the first line that it prints. A command that fails is retried as a network failure is' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l token -d 'The credential itself; other users can see it in the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l token-in -d 'Where the credential goes: query, query:NAME, header, header:NAME or bearer; default as the provider wants it' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l cacert -l ca -d 'Trust the certificates in this PEM file instead of the system\'s. The server\'s own certificate may be one' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l cert -d 'Client certificate chain, PEM, or a PKCS#12 file with its key' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l cert-type -d 'Format of the --cert file; without this, its content decides' -r -f -a "PEM\t'PEM files'
P12\t'PKCS#12: certificates and key in one file'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l key -d 'Private key of the client certificate, PEM' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l pass -d 'Passphrase of the private key or PKCS#12 file; @FILE reads it. Without this, wstap asks on a terminal' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l pinnedpubkey -d 'Take no server whose key is not one of these: sha256//BASE64, several with semicolons' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l tls-min -d 'Oldest version of TLS to speak [default: 1.2]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l tls-max -d 'Newest version of TLS to speak [default: 1.3]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l resolve -d 'Use these addresses for a host and port; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l connect-to -d 'Connect to another host and port, keeping Host and SNI; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l unix-socket -d 'Connect through this unix socket' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l proxy -d 'Proxy: http://, socks5:// (also socks://) or socks5h://, with USER:PASSWORD@ if need be; \'\' for none' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l noproxy -d 'Hosts for which no proxy is used, separated by commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l max-redirects -d 'How many redirects to follow with -L [default: 10]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l connect-timeout -d 'Time for everything from name resolution to the end of the upgrade [default: 10s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l max-message-size -d 'Largest incoming message, such as 16M; 0 is no limit [default: 64M, or as the provider wants it]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l ping-interval -d 'Ping this often; 0s never [default: 25s, or as the provider wants it]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l ping-timeout -d 'The link is dead when nothing has come for this long after a ping was sent [default: 20s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l retries -d 'Reconnect, and give up after N attempts in a row without a stable connection between them' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l retry-close -d 'Also reconnect after these close codes, such as 1000,4000-4999 (implies --reconnect). Without it, 1001, 1005, 1006, 1011-1014 and 4000 are retried, or what the provider documents' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l reconnect-delay -d 'Bound of the first wait before an attempt; it doubles with every attempt [default: 1s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l reconnect-max-delay -d 'Bound of every wait before an attempt [default: 30s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l time-scale -d 'Run the provider\'s timers N times as fast, for a mock started with the same; --mock\'s own is taken over' -r
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l log-format -d 'Notices on stderr as text, or as one JSON object a line' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l color -d 'Colour on terminals, always or never' -r -f -a "auto\t'On terminals, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l keep-going -d 'Go on when the provider refuses a topic'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l no-dedupe -d 'Print events that the provider sends more than once every time'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l echo -d 'Send each message back as it came'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s i -l interactive -d 'Open a prompt on the terminal. `connect` does so by itself, unless an option says when the session ends'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l no-history -d 'Do not remember in the state folder what is typed at the prompt'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s n -l null-input -d 'Run the filter once with null as input; it reads the live stream with `input` and `inputs`'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s e -l exit-status -d 'Take the exit status from the last output: 1 for false or null, 4 for none'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l envelope -d 'Print records of everything that happens instead of messages; the filter then sees records'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s r -l raw-output -d 'Print strings without quotes'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s j -l join-output -d 'Like --raw-output, with nothing between outputs'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l pretty -d 'Indent JSON by two spaces'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s c -l compact-output -d 'Print JSON on one line, as by default; the last of this, --pretty, --tab and --indent counts'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l tab -d 'Indent JSON with a tab for each level'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s S -l sort-keys -d 'Sort the fields of every object by name'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s a -l ascii-output -d 'Print characters beyond ASCII as \\uXXXX escapes'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l seq -d 'Start each JSON text with the record separator U+001E (RFC 7464)'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l unbuffered -d 'Write each line at once. Accepted as in jq: wstap always does'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l show-secrets -d 'Show credentials: those that were given, in records, and those that a provider sends in its messages'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l no-compress -d 'Do not offer compression'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l digest -d 'Use Digest authentication only, and never send the password itself'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l accesskey -d 'The credential is an access key: it goes into the query as accesskey (short for --token-in query:accesskey)'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s k -l insecure -d 'Accept any certificate'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l tls-keylog -d 'Append the keys of the TLS sessions to the file that SSLKEYLOGFILE names, to decrypt captured traffic'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s L -l location -d 'Follow redirects'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l reconnect -d 'Reconnect after a loss, and keep trying when the first connection fails (as --retries does)'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -l no-reconnect -d 'Do not reconnect'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s q -l quiet -d 'Show errors only, and what lets others listen (-k, --tls-keylog)'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s v -l verbose -d 'Print how the connection is made, headers and close frames; -vv prints every frame as well'
complete -c wstap -n "__fish_wstap_using_subcommand subscribe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l url -d 'Where to connect; the provider\'s own endpoint when it has one' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s d -l dialect -d 'How to speak to the provider: a name, or a TOML file of your own; guessed from the URL' -r -f -a "burki\t'Burki: the progress of calling campaigns, by campaign id; the mock has 1 to 100'
kadoa\t'Kadoa: changes of a team\'s workflow data, acknowledged and replayed; no topics'
voipbin\t'VoIPBIN: calls, messages, queues, … by topic <scope>:<scope_id>:<resource_type>:<resource_id>'
ryze\t'RyzeAPI: messages, calls, groups and states of one WhatsApp instance, whose name is the topic'
plain\t'any endpoint; what it wants to be told is given with -x'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l topics-file -d 'Read topics from this file, one a line; empty lines and lines with # in front are skipped' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l from-cursor -d 'Go on after the event with this cursor, with providers that can replay; goes before --cursor-file' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l cursor-file -d 'Go on from the cursor in this file, if it exists, and keep the cursor of the last line written in it' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s x -l send -l execute -d 'Send this message on every connection, or the content of @FILE (@- is standard input, @@ a literal @); repeatable, in order' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l reply -d 'Run this jq program over each incoming message and send every output back' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l binary-in -d 'Standard input is binary: a message a line in base64 or hex, or raw chunks' -r -f -a "base64\t'Base64 (RFC 4648 §4), in quotes where it is a line of JSON'
hex\t'Hexadecimal, in lower case, likewise'
raw\t'The bytes themselves, with no newlines between messages'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l delimiter -d 'What ends a message on standard input: a character, `nul`, or `none` to send all of it as one [default: \\n]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l encode -d 'Encode outgoing messages with these steps, in this order; see --decode' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l mock -d 'Start a mock of the dialect in this process and connect to it; serve-mock\'s arguments may follow the `=`' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l from -d 'Read messages from a recording or NDJSON instead of a connection; `-` is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s f -l filter -l jq -d 'Print the outputs of this jq program instead of the messages' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l filter-file -d 'Read the jq program from a file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l arg -d 'Set $N to the string V in every jq program' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l argjson -d 'Set $N to the JSON value V' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l slurpfile -d 'Set $N to an array of the JSON values in a file' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l rawfile -d 'Set $N to the text of a file, as a string' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l args -d 'Take the words up to the next option as strings into $ARGS.positional. Give the URL before this option' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l jsonargs -d 'Take the words up to the next option as JSON values into $ARGS.positional' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l library-path -d 'Look for the modules that programs import in this folder instead of ~/.jq (jq\'s -L)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l filter-errors -d 'What an error of a jq program does: a notice and on, or the end with status 5' -r -f -a "warn\t'A notice, and on'
fail\t'The end'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l decode -d 'Decode incoming messages with these steps, in this order, before anything else looks at them: text, gzip, zlib, deflate, zstd or zstd:DICTIONARY, brotli, zlib-stream, msgpack, cbor, protobuf:DESCRIPTORS:MESSAGE, lines, rs, nul, json-array, auto' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l decode-errors -d 'If a message cannot be decoded: warn and continue, or exit 21' -r -f -a "warn\t'Warn and continue'
fail\t'End the session'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l invalid-utf8 -d 'If a text message is not UTF-8: exit 21, or replace the invalid bytes with U+FFFD and continue' -r -f -a "fail\t'End the session'
replace\t'Replace the invalid bytes with U+FFFD and continue'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l indent -d 'Indent JSON by N spaces for each level, at most 7; 0 prints one line' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l binary -d 'How binary messages are printed' -r -f -a "base64\t'Base64 (RFC 4648 §4), in quotes where it is a line of JSON'
hex\t'Hexadecimal, in lower case, likewise'
raw\t'The bytes themselves, with no newlines between messages'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s o -l output -d 'Add lines to this file instead of writing them to standard output, which is `-`; SIGHUP opens it anew' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l record -d 'Write records of everything to this file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l buffer -d 'Bytes that wait in memory for a reader of the output that is slow [default: 64M]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l overflow -d 'When those are full: stop reading, go on in a file, drop the oldest, or end with status 30 [default: spill; block for connect]' -r -f -a "block\t'The server is not read until there is room; it may drop a client that is slow'
spill\t'What follows waits in a file without a name, in TMPDIR'
drop-oldest\t'What came first is dropped, and counted'
exit\t'The end, with status 30'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l spill-limit -d 'Bytes that wait in the file of --overflow spill; more are an error, with status 30 [default: 4G]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l count -d 'End after N lines; with --envelope, after N received messages, unless there is a filter' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l until -d 'End with success once this jq expression is true; the matching message is printed' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l fail-if -d 'End with status 1 as soon as this jq expression is true' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l idle-timeout -d 'End when no message has come for this long' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l max-time -l timeout -d 'End after this time' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s w -l linger -l wait -d 'After standard input ended, exit once nothing has come for this long, or `forever` [default: forever; for connect, 2s after input that had lines or after -x alone]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l ok-close -d 'A close code that also counts as a clean end, and is not followed by another attempt; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l close-code -d 'Code of the close frame that ends the session [default: 1000]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l close-reason -d 'Reason in the close frame that ends the session' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s H -l header -d 'Send this header; repeatable; `K:` removes one, @FILE reads one a line, for every connection' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s b -l cookie -d 'Send these cookies, as NAME=VALUE[; NAME=VALUE]; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l origin -d 'Send this Origin' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s s -l subprotocol -d 'Offer this subprotocol; repeatable, or several with commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l compress -d 'Compression parameters to offer, comma-separated [default: client_max_window_bits]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s u -l user -l auth -d 'User and password, for Basic authentication or for Digest if the server asks for it; @FILE reads them' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l bearer -d 'Send this bearer token; see also --token-env and --token-file, which keep it out of the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l token-env -d 'Take the credential from this environment variable' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l token-file -d 'Take the credential from the first line of this file, read for every connection; `-` is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l token-command -d 'Run this shell command for every connection and take the credential from the first line that it prints. A command that fails is retried as a network failure is' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l token -d 'The credential itself; other users can see it in the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l token-in -d 'Where the credential goes: query, query:NAME, header, header:NAME or bearer; default as the provider wants it' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l cacert -l ca -d 'Trust the certificates in this PEM file instead of the system\'s. The server\'s own certificate may be one' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l cert -d 'Client certificate chain, PEM, or a PKCS#12 file with its key' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l cert-type -d 'Format of the --cert file; without this, its content decides' -r -f -a "PEM\t'PEM files'
P12\t'PKCS#12: certificates and key in one file'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l key -d 'Private key of the client certificate, PEM' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l pass -d 'Passphrase of the private key or PKCS#12 file; @FILE reads it. Without this, wstap asks on a terminal' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l pinnedpubkey -d 'Take no server whose key is not one of these: sha256//BASE64, several with semicolons' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l tls-min -d 'Oldest version of TLS to speak [default: 1.2]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l tls-max -d 'Newest version of TLS to speak [default: 1.3]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l resolve -d 'Use these addresses for a host and port; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l connect-to -d 'Connect to another host and port, keeping Host and SNI; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l unix-socket -d 'Connect through this unix socket' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l proxy -d 'Proxy: http://, socks5:// (also socks://) or socks5h://, with USER:PASSWORD@ if need be; \'\' for none' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l noproxy -d 'Hosts for which no proxy is used, separated by commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l max-redirects -d 'How many redirects to follow with -L [default: 10]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l connect-timeout -d 'Time for everything from name resolution to the end of the upgrade [default: 10s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l max-message-size -d 'Largest incoming message, such as 16M; 0 is no limit [default: 64M, or as the provider wants it]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l ping-interval -d 'Ping this often; 0s never [default: 25s, or as the provider wants it]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l ping-timeout -d 'The link is dead when nothing has come for this long after a ping was sent [default: 20s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l retries -d 'Reconnect, and give up after N attempts in a row without a stable connection between them' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l retry-close -d 'Also reconnect after these close codes, such as 1000,4000-4999 (implies --reconnect). Without it, 1001, 1005, 1006, 1011-1014 and 4000 are retried, or what the provider documents' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l reconnect-delay -d 'Bound of the first wait before an attempt; it doubles with every attempt [default: 1s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l reconnect-max-delay -d 'Bound of every wait before an attempt [default: 30s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l time-scale -d 'Run the provider\'s timers N times as fast, for a mock started with the same; --mock\'s own is taken over' -r
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l log-format -d 'Notices on stderr as text, or as one JSON object a line' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l color -d 'Colour on terminals, always or never' -r -f -a "auto\t'On terminals, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l keep-going -d 'Go on when the provider refuses a topic'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l no-dedupe -d 'Print events that the provider sends more than once every time'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l echo -d 'Send each message back as it came'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s i -l interactive -d 'Open a prompt on the terminal. `connect` does so by itself, unless an option says when the session ends'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l no-history -d 'Do not remember in the state folder what is typed at the prompt'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s n -l null-input -d 'Run the filter once with null as input; it reads the live stream with `input` and `inputs`'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s e -l exit-status -d 'Take the exit status from the last output: 1 for false or null, 4 for none'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l envelope -d 'Print records of everything that happens instead of messages; the filter then sees records'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s r -l raw-output -d 'Print strings without quotes'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s j -l join-output -d 'Like --raw-output, with nothing between outputs'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l pretty -d 'Indent JSON by two spaces'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s c -l compact-output -d 'Print JSON on one line, as by default; the last of this, --pretty, --tab and --indent counts'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l tab -d 'Indent JSON with a tab for each level'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s S -l sort-keys -d 'Sort the fields of every object by name'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s a -l ascii-output -d 'Print characters beyond ASCII as \\uXXXX escapes'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l seq -d 'Start each JSON text with the record separator U+001E (RFC 7464)'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l unbuffered -d 'Write each line at once. Accepted as in jq: wstap always does'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l show-secrets -d 'Show credentials: those that were given, in records, and those that a provider sends in its messages'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l no-compress -d 'Do not offer compression'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l digest -d 'Use Digest authentication only, and never send the password itself'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l accesskey -d 'The credential is an access key: it goes into the query as accesskey (short for --token-in query:accesskey)'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s k -l insecure -d 'Accept any certificate'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l tls-keylog -d 'Append the keys of the TLS sessions to the file that SSLKEYLOGFILE names, to decrypt captured traffic'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s L -l location -d 'Follow redirects'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l reconnect -d 'Reconnect after a loss, and keep trying when the first connection fails (as --retries does)'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -l no-reconnect -d 'Do not reconnect'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s q -l quiet -d 'Show errors only, and what lets others listen (-k, --tls-keylog)'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s v -l verbose -d 'Print how the connection is made, headers and close frames; -vv prints every frame as well'
complete -c wstap -n "__fish_wstap_using_subcommand sub" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l url -d 'The provider\'s server, or any of its campaign endpoints; its own when it has one' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s d -l dialect -d 'The provider: a name; guessed from the URL' -r -f -a "burki\t'Burki: the progress of calling campaigns, by campaign id; the mock has 1 to 100'
kadoa\t'Kadoa: changes of a team\'s workflow data, acknowledged and replayed; no topics'
voipbin\t'VoIPBIN: calls, messages, queues, … by topic <scope>:<scope_id>:<resource_type>:<resource_id>'
ryze\t'RyzeAPI: messages, calls, groups and states of one WhatsApp instance, whose name is the topic'
plain\t'any endpoint; what it wants to be told is given with -x'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l exit-on -d 'Also end when every campaign is in such a status or a final one; repeatable, or several with commas' -r -f -a "draft\t'Not yet started'
scheduled\t'Waits for its time'
running\t'Contacts are being called'
paused\t'It may go on'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l history -d 'Ask for the last hours first' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l mock -d 'Start a mock of the dialect in this process and connect to it; serve-mock\'s arguments may follow the `=`' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l from -d 'Read messages from a recording or NDJSON instead of a connection; `-` is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s f -l filter -l jq -d 'Print the outputs of this jq program instead of the messages' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l filter-file -d 'Read the jq program from a file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l arg -d 'Set $N to the string V in every jq program' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l argjson -d 'Set $N to the JSON value V' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l slurpfile -d 'Set $N to an array of the JSON values in a file' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l rawfile -d 'Set $N to the text of a file, as a string' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l args -d 'Take the words up to the next option as strings into $ARGS.positional. Give the URL before this option' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l jsonargs -d 'Take the words up to the next option as JSON values into $ARGS.positional' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l library-path -d 'Look for the modules that programs import in this folder instead of ~/.jq (jq\'s -L)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l filter-errors -d 'What an error of a jq program does: a notice and on, or the end with status 5' -r -f -a "warn\t'A notice, and on'
fail\t'The end'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l decode -d 'Decode incoming messages with these steps, in this order, before anything else looks at them: text, gzip, zlib, deflate, zstd or zstd:DICTIONARY, brotli, zlib-stream, msgpack, cbor, protobuf:DESCRIPTORS:MESSAGE, lines, rs, nul, json-array, auto' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l decode-errors -d 'If a message cannot be decoded: warn and continue, or exit 21' -r -f -a "warn\t'Warn and continue'
fail\t'End the session'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l invalid-utf8 -d 'If a text message is not UTF-8: exit 21, or replace the invalid bytes with U+FFFD and continue' -r -f -a "fail\t'End the session'
replace\t'Replace the invalid bytes with U+FFFD and continue'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l indent -d 'Indent JSON by N spaces for each level, at most 7; 0 prints one line' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l binary -d 'How binary messages are printed' -r -f -a "base64\t'Base64 (RFC 4648 §4), in quotes where it is a line of JSON'
hex\t'Hexadecimal, in lower case, likewise'
raw\t'The bytes themselves, with no newlines between messages'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s o -l output -d 'Add lines to this file instead of writing them to standard output, which is `-`; SIGHUP opens it anew' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l record -d 'Write records of everything to this file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l buffer -d 'Bytes that wait in memory for a reader of the output that is slow [default: 64M]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l overflow -d 'When those are full: stop reading, go on in a file, drop the oldest, or end with status 30 [default: spill; block for connect]' -r -f -a "block\t'The server is not read until there is room; it may drop a client that is slow'
spill\t'What follows waits in a file without a name, in TMPDIR'
drop-oldest\t'What came first is dropped, and counted'
exit\t'The end, with status 30'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l spill-limit -d 'Bytes that wait in the file of --overflow spill; more are an error, with status 30 [default: 4G]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l count -d 'End after N lines; with --envelope, after N received messages, unless there is a filter' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l until -d 'End with success once this jq expression is true; the matching message is printed' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l fail-if -d 'End with status 1 as soon as this jq expression is true' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l idle-timeout -d 'End when no message has come for this long' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l max-time -l timeout -d 'End after this time' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s w -l linger -l wait -d 'After standard input ended, exit once nothing has come for this long, or `forever` [default: forever; for connect, 2s after input that had lines or after -x alone]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l ok-close -d 'A close code that also counts as a clean end, and is not followed by another attempt; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l close-code -d 'Code of the close frame that ends the session [default: 1000]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l close-reason -d 'Reason in the close frame that ends the session' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s H -l header -d 'Send this header; repeatable; `K:` removes one, @FILE reads one a line, for every connection' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s b -l cookie -d 'Send these cookies, as NAME=VALUE[; NAME=VALUE]; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l origin -d 'Send this Origin' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s s -l subprotocol -d 'Offer this subprotocol; repeatable, or several with commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l compress -d 'Compression parameters to offer, comma-separated [default: client_max_window_bits]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s u -l user -l auth -d 'User and password, for Basic authentication or for Digest if the server asks for it; @FILE reads them' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l bearer -d 'Send this bearer token; see also --token-env and --token-file, which keep it out of the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l token-env -d 'Take the credential from this environment variable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l token-file -d 'Take the credential from the first line of this file, read for every connection; `-` is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l token-command -d 'Run this shell command for every connection and take the credential from the first line that it prints. A command that fails is retried as a network failure is' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l token -d 'The credential itself; other users can see it in the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l token-in -d 'Where the credential goes: query, query:NAME, header, header:NAME or bearer; default as the provider wants it' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l cacert -l ca -d 'Trust the certificates in this PEM file instead of the system\'s. The server\'s own certificate may be one' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l cert -d 'Client certificate chain, PEM, or a PKCS#12 file with its key' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l cert-type -d 'Format of the --cert file; without this, its content decides' -r -f -a "PEM\t'PEM files'
P12\t'PKCS#12: certificates and key in one file'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l key -d 'Private key of the client certificate, PEM' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l pass -d 'Passphrase of the private key or PKCS#12 file; @FILE reads it. Without this, wstap asks on a terminal' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l pinnedpubkey -d 'Take no server whose key is not one of these: sha256//BASE64, several with semicolons' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l tls-min -d 'Oldest version of TLS to speak [default: 1.2]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l tls-max -d 'Newest version of TLS to speak [default: 1.3]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l resolve -d 'Use these addresses for a host and port; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l connect-to -d 'Connect to another host and port, keeping Host and SNI; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l unix-socket -d 'Connect through this unix socket' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l proxy -d 'Proxy: http://, socks5:// (also socks://) or socks5h://, with USER:PASSWORD@ if need be; \'\' for none' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l noproxy -d 'Hosts for which no proxy is used, separated by commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l max-redirects -d 'How many redirects to follow with -L [default: 10]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l connect-timeout -d 'Time for everything from name resolution to the end of the upgrade [default: 10s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l max-message-size -d 'Largest incoming message, such as 16M; 0 is no limit [default: 64M, or as the provider wants it]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l ping-interval -d 'Ping this often; 0s never [default: 25s, or as the provider wants it]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l ping-timeout -d 'The link is dead when nothing has come for this long after a ping was sent [default: 20s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l retries -d 'Reconnect, and give up after N attempts in a row without a stable connection between them' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l retry-close -d 'Also reconnect after these close codes, such as 1000,4000-4999 (implies --reconnect). Without it, 1001, 1005, 1006, 1011-1014 and 4000 are retried, or what the provider documents' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l reconnect-delay -d 'Bound of the first wait before an attempt; it doubles with every attempt [default: 1s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l reconnect-max-delay -d 'Bound of every wait before an attempt [default: 30s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l time-scale -d 'Run the provider\'s timers N times as fast, for a mock started with the same; --mock\'s own is taken over' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l log-format -d 'Notices on stderr as text, or as one JSON object a line' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l color -d 'Colour on terminals, always or never' -r -f -a "auto\t'On terminals, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l monitor -d 'Watch the campaigns over one connection, to the endpoint that shows all of them'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l all -d 'Watch whatever that endpoint shows'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l progress -d 'One record a change, the same from all shapes of messages, in place of the messages'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l ndjson -d 'Print lines on a terminal too, in place of the drawing'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s n -l null-input -d 'Run the filter once with null as input; it reads the live stream with `input` and `inputs`'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s e -l exit-status -d 'Take the exit status from the last output: 1 for false or null, 4 for none'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l envelope -d 'Print records of everything that happens instead of messages; the filter then sees records'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s r -l raw-output -d 'Print strings without quotes'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s j -l join-output -d 'Like --raw-output, with nothing between outputs'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l pretty -d 'Indent JSON by two spaces'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s c -l compact-output -d 'Print JSON on one line, as by default; the last of this, --pretty, --tab and --indent counts'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l tab -d 'Indent JSON with a tab for each level'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s S -l sort-keys -d 'Sort the fields of every object by name'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s a -l ascii-output -d 'Print characters beyond ASCII as \\uXXXX escapes'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l seq -d 'Start each JSON text with the record separator U+001E (RFC 7464)'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l unbuffered -d 'Write each line at once. Accepted as in jq: wstap always does'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l show-secrets -d 'Show credentials: those that were given, in records, and those that a provider sends in its messages'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l no-compress -d 'Do not offer compression'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l digest -d 'Use Digest authentication only, and never send the password itself'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l accesskey -d 'The credential is an access key: it goes into the query as accesskey (short for --token-in query:accesskey)'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s k -l insecure -d 'Accept any certificate'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l tls-keylog -d 'Append the keys of the TLS sessions to the file that SSLKEYLOGFILE names, to decrypt captured traffic'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s L -l location -d 'Follow redirects'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l reconnect -d 'Reconnect after a loss, and keep trying when the first connection fails (as --retries does)'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -l no-reconnect -d 'Do not reconnect'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s q -l quiet -d 'Show errors only, and what lets others listen (-k, --tls-keylog)'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s v -l verbose -d 'Print how the connection is made, headers and close frames; -vv prints every frame as well'
complete -c wstap -n "__fish_wstap_using_subcommand watch-campaign" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l url -d 'The provider\'s server, or any of its campaign endpoints; its own when it has one' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s d -l dialect -d 'The provider: a name; guessed from the URL' -r -f -a "burki\t'Burki: the progress of calling campaigns, by campaign id; the mock has 1 to 100'
kadoa\t'Kadoa: changes of a team\'s workflow data, acknowledged and replayed; no topics'
voipbin\t'VoIPBIN: calls, messages, queues, … by topic <scope>:<scope_id>:<resource_type>:<resource_id>'
ryze\t'RyzeAPI: messages, calls, groups and states of one WhatsApp instance, whose name is the topic'
plain\t'any endpoint; what it wants to be told is given with -x'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l exit-on -d 'Also end when every campaign is in such a status or a final one; repeatable, or several with commas' -r -f -a "draft\t'Not yet started'
scheduled\t'Waits for its time'
running\t'Contacts are being called'
paused\t'It may go on'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l history -d 'Ask for the last hours first' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l mock -d 'Start a mock of the dialect in this process and connect to it; serve-mock\'s arguments may follow the `=`' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l from -d 'Read messages from a recording or NDJSON instead of a connection; `-` is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s f -l filter -l jq -d 'Print the outputs of this jq program instead of the messages' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l filter-file -d 'Read the jq program from a file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l arg -d 'Set $N to the string V in every jq program' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l argjson -d 'Set $N to the JSON value V' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l slurpfile -d 'Set $N to an array of the JSON values in a file' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l rawfile -d 'Set $N to the text of a file, as a string' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l args -d 'Take the words up to the next option as strings into $ARGS.positional. Give the URL before this option' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l jsonargs -d 'Take the words up to the next option as JSON values into $ARGS.positional' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l library-path -d 'Look for the modules that programs import in this folder instead of ~/.jq (jq\'s -L)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l filter-errors -d 'What an error of a jq program does: a notice and on, or the end with status 5' -r -f -a "warn\t'A notice, and on'
fail\t'The end'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l decode -d 'Decode incoming messages with these steps, in this order, before anything else looks at them: text, gzip, zlib, deflate, zstd or zstd:DICTIONARY, brotli, zlib-stream, msgpack, cbor, protobuf:DESCRIPTORS:MESSAGE, lines, rs, nul, json-array, auto' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l decode-errors -d 'If a message cannot be decoded: warn and continue, or exit 21' -r -f -a "warn\t'Warn and continue'
fail\t'End the session'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l invalid-utf8 -d 'If a text message is not UTF-8: exit 21, or replace the invalid bytes with U+FFFD and continue' -r -f -a "fail\t'End the session'
replace\t'Replace the invalid bytes with U+FFFD and continue'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l indent -d 'Indent JSON by N spaces for each level, at most 7; 0 prints one line' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l binary -d 'How binary messages are printed' -r -f -a "base64\t'Base64 (RFC 4648 §4), in quotes where it is a line of JSON'
hex\t'Hexadecimal, in lower case, likewise'
raw\t'The bytes themselves, with no newlines between messages'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s o -l output -d 'Add lines to this file instead of writing them to standard output, which is `-`; SIGHUP opens it anew' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l record -d 'Write records of everything to this file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l buffer -d 'Bytes that wait in memory for a reader of the output that is slow [default: 64M]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l overflow -d 'When those are full: stop reading, go on in a file, drop the oldest, or end with status 30 [default: spill; block for connect]' -r -f -a "block\t'The server is not read until there is room; it may drop a client that is slow'
spill\t'What follows waits in a file without a name, in TMPDIR'
drop-oldest\t'What came first is dropped, and counted'
exit\t'The end, with status 30'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l spill-limit -d 'Bytes that wait in the file of --overflow spill; more are an error, with status 30 [default: 4G]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l count -d 'End after N lines; with --envelope, after N received messages, unless there is a filter' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l until -d 'End with success once this jq expression is true; the matching message is printed' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l fail-if -d 'End with status 1 as soon as this jq expression is true' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l idle-timeout -d 'End when no message has come for this long' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l max-time -l timeout -d 'End after this time' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s w -l linger -l wait -d 'After standard input ended, exit once nothing has come for this long, or `forever` [default: forever; for connect, 2s after input that had lines or after -x alone]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l ok-close -d 'A close code that also counts as a clean end, and is not followed by another attempt; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l close-code -d 'Code of the close frame that ends the session [default: 1000]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l close-reason -d 'Reason in the close frame that ends the session' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s H -l header -d 'Send this header; repeatable; `K:` removes one, @FILE reads one a line, for every connection' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s b -l cookie -d 'Send these cookies, as NAME=VALUE[; NAME=VALUE]; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l origin -d 'Send this Origin' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s s -l subprotocol -d 'Offer this subprotocol; repeatable, or several with commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l compress -d 'Compression parameters to offer, comma-separated [default: client_max_window_bits]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s u -l user -l auth -d 'User and password, for Basic authentication or for Digest if the server asks for it; @FILE reads them' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l bearer -d 'Send this bearer token; see also --token-env and --token-file, which keep it out of the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l token-env -d 'Take the credential from this environment variable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l token-file -d 'Take the credential from the first line of this file, read for every connection; `-` is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l token-command -d 'Run this shell command for every connection and take the credential from the first line that it prints. A command that fails is retried as a network failure is' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l token -d 'The credential itself; other users can see it in the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l token-in -d 'Where the credential goes: query, query:NAME, header, header:NAME or bearer; default as the provider wants it' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l cacert -l ca -d 'Trust the certificates in this PEM file instead of the system\'s. The server\'s own certificate may be one' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l cert -d 'Client certificate chain, PEM, or a PKCS#12 file with its key' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l cert-type -d 'Format of the --cert file; without this, its content decides' -r -f -a "PEM\t'PEM files'
P12\t'PKCS#12: certificates and key in one file'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l key -d 'Private key of the client certificate, PEM' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l pass -d 'Passphrase of the private key or PKCS#12 file; @FILE reads it. Without this, wstap asks on a terminal' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l pinnedpubkey -d 'Take no server whose key is not one of these: sha256//BASE64, several with semicolons' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l tls-min -d 'Oldest version of TLS to speak [default: 1.2]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l tls-max -d 'Newest version of TLS to speak [default: 1.3]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l resolve -d 'Use these addresses for a host and port; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l connect-to -d 'Connect to another host and port, keeping Host and SNI; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l unix-socket -d 'Connect through this unix socket' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l proxy -d 'Proxy: http://, socks5:// (also socks://) or socks5h://, with USER:PASSWORD@ if need be; \'\' for none' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l noproxy -d 'Hosts for which no proxy is used, separated by commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l max-redirects -d 'How many redirects to follow with -L [default: 10]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l connect-timeout -d 'Time for everything from name resolution to the end of the upgrade [default: 10s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l max-message-size -d 'Largest incoming message, such as 16M; 0 is no limit [default: 64M, or as the provider wants it]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l ping-interval -d 'Ping this often; 0s never [default: 25s, or as the provider wants it]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l ping-timeout -d 'The link is dead when nothing has come for this long after a ping was sent [default: 20s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l retries -d 'Reconnect, and give up after N attempts in a row without a stable connection between them' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l retry-close -d 'Also reconnect after these close codes, such as 1000,4000-4999 (implies --reconnect). Without it, 1001, 1005, 1006, 1011-1014 and 4000 are retried, or what the provider documents' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l reconnect-delay -d 'Bound of the first wait before an attempt; it doubles with every attempt [default: 1s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l reconnect-max-delay -d 'Bound of every wait before an attempt [default: 30s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l time-scale -d 'Run the provider\'s timers N times as fast, for a mock started with the same; --mock\'s own is taken over' -r
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l log-format -d 'Notices on stderr as text, or as one JSON object a line' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l color -d 'Colour on terminals, always or never' -r -f -a "auto\t'On terminals, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l monitor -d 'Watch the campaigns over one connection, to the endpoint that shows all of them'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l all -d 'Watch whatever that endpoint shows'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l progress -d 'One record a change, the same from all shapes of messages, in place of the messages'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l ndjson -d 'Print lines on a terminal too, in place of the drawing'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s n -l null-input -d 'Run the filter once with null as input; it reads the live stream with `input` and `inputs`'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s e -l exit-status -d 'Take the exit status from the last output: 1 for false or null, 4 for none'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l envelope -d 'Print records of everything that happens instead of messages; the filter then sees records'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s r -l raw-output -d 'Print strings without quotes'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s j -l join-output -d 'Like --raw-output, with nothing between outputs'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l pretty -d 'Indent JSON by two spaces'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s c -l compact-output -d 'Print JSON on one line, as by default; the last of this, --pretty, --tab and --indent counts'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l tab -d 'Indent JSON with a tab for each level'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s S -l sort-keys -d 'Sort the fields of every object by name'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s a -l ascii-output -d 'Print characters beyond ASCII as \\uXXXX escapes'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l seq -d 'Start each JSON text with the record separator U+001E (RFC 7464)'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l unbuffered -d 'Write each line at once. Accepted as in jq: wstap always does'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l show-secrets -d 'Show credentials: those that were given, in records, and those that a provider sends in its messages'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l no-compress -d 'Do not offer compression'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l digest -d 'Use Digest authentication only, and never send the password itself'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l accesskey -d 'The credential is an access key: it goes into the query as accesskey (short for --token-in query:accesskey)'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s k -l insecure -d 'Accept any certificate'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l tls-keylog -d 'Append the keys of the TLS sessions to the file that SSLKEYLOGFILE names, to decrypt captured traffic'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s L -l location -d 'Follow redirects'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l reconnect -d 'Reconnect after a loss, and keep trying when the first connection fails (as --retries does)'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -l no-reconnect -d 'Do not reconnect'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s q -l quiet -d 'Show errors only, and what lets others listen (-k, --tls-keylog)'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s v -l verbose -d 'Print how the connection is made, headers and close frames; -vv prints every frame as well'
complete -c wstap -n "__fish_wstap_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s d -l dialect -d 'Whose credentials and subprotocols to use; guessed from the URL' -r -f -a "burki\t'Burki: the progress of calling campaigns, by campaign id; the mock has 1 to 100'
kadoa\t'Kadoa: changes of a team\'s workflow data, acknowledged and replayed; no topics'
voipbin\t'VoIPBIN: calls, messages, queues, … by topic <scope>:<scope_id>:<resource_type>:<resource_id>'
ryze\t'RyzeAPI: messages, calls, groups and states of one WhatsApp instance, whose name is the topic'
plain\t'any endpoint; what it wants to be told is given with -x'"
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l mock -d 'Start a mock of the dialect in this process and probe it; serve-mock\'s arguments may follow the `=`' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l format -d 'How the report looks [default: text on a terminal, else json]' -r -f -a "json\t'One record a line'
text\t'A page for people'
nagios\t'One line with performance data, and exit status 0, 1, 2 or 3, as Nagios, Icinga and Checkmk read it'
prometheus\t'Metrics for the textfile collector of Prometheus\' node exporter'"
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l origins -d 'Ask once for each Origin: none, same, null, or any other; several with commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l repeat -d 'Probe N times; the last record, or the end of the page, is the account of all' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l interval -d 'Time from the start of a probe to the start of the next' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s x -l send -d 'Send this message, or the content of @FILE, for the server to answer; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l max-time -d 'The time for all that --live does; half of it is for the first message' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l expect -d 'This jq expression over the record has to be true; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l expect-status -d 'The answer has to have this status, or one of several with commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l min-cert-days -d 'The server\'s certificate has to be good for this many days' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l max -d 'A phase may take this long: dns, tcp, proxy, tls, upgrade, total, and with --live message, pong, close; several with commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s H -l header -d 'Send this header; repeatable; `K:` removes one, @FILE reads one a line, for every connection' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s b -l cookie -d 'Send these cookies, as NAME=VALUE[; NAME=VALUE]; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l origin -d 'Send this Origin' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s s -l subprotocol -d 'Offer this subprotocol; repeatable, or several with commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l compress -d 'Compression parameters to offer, comma-separated [default: client_max_window_bits]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s u -l user -l auth -d 'User and password, for Basic authentication or for Digest if the server asks for it; @FILE reads them' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l bearer -d 'Send this bearer token; see also --token-env and --token-file, which keep it out of the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l token-env -d 'Take the credential from this environment variable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l token-file -d 'Take the credential from the first line of this file, read for every connection; `-` is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l token-command -d 'Run this shell command for every connection and take the credential from the first line that it prints. A command that fails is retried as a network failure is' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l token -d 'The credential itself; other users can see it in the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l token-in -d 'Where the credential goes: query, query:NAME, header, header:NAME or bearer; default as the provider wants it' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l cacert -l ca -d 'Trust the certificates in this PEM file instead of the system\'s. The server\'s own certificate may be one' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l cert -d 'Client certificate chain, PEM, or a PKCS#12 file with its key' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l cert-type -d 'Format of the --cert file; without this, its content decides' -r -f -a "PEM\t'PEM files'
P12\t'PKCS#12: certificates and key in one file'"
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l key -d 'Private key of the client certificate, PEM' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l pass -d 'Passphrase of the private key or PKCS#12 file; @FILE reads it. Without this, wstap asks on a terminal' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l pinnedpubkey -d 'Take no server whose key is not one of these: sha256//BASE64, several with semicolons' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l tls-min -d 'Oldest version of TLS to speak [default: 1.2]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l tls-max -d 'Newest version of TLS to speak [default: 1.3]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l resolve -d 'Use these addresses for a host and port; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l connect-to -d 'Connect to another host and port, keeping Host and SNI; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l unix-socket -d 'Connect through this unix socket' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l proxy -d 'Proxy: http://, socks5:// (also socks://) or socks5h://, with USER:PASSWORD@ if need be; \'\' for none' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l noproxy -d 'Hosts for which no proxy is used, separated by commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l max-redirects -d 'How many redirects to follow with -L [default: 10]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l connect-timeout -d 'Time for everything from name resolution to the end of the upgrade [default: 10s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l max-message-size -d 'Largest incoming message, such as 16M; 0 is no limit [default: 64M, or as the provider wants it]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l alpn -d 'Offer this by ALPN instead of http/1.1; several with commas. Other clients offer h2 first' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l log-format -d 'Notices on stderr as text, or as one JSON object a line' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l color -d 'Colour on terminals, always or never' -r -f -a "auto\t'On terminals, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l auth-matrix -d 'Ask without a credential, then with a wrong one and the right one in query, header and as bearer'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l version-check -d 'Ask for WebSocket version 99, which a server has to refuse with 426 and the versions that it speaks'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l all-addresses -d 'Ask once at each address of the host'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l live -d 'After the upgrade, wait for the first message, ping, look at every frame, and close'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l no-compress -d 'Do not offer compression'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l digest -d 'Use Digest authentication only, and never send the password itself'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l accesskey -d 'The credential is an access key: it goes into the query as accesskey (short for --token-in query:accesskey)'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s k -l insecure -d 'Accept any certificate'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -l tls-keylog -d 'Append the keys of the TLS sessions to the file that SSLKEYLOGFILE names, to decrypt captured traffic'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s L -l location -d 'Follow redirects'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s q -l quiet -d 'Show errors only, and what lets others listen (-k, --tls-keylog)'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s v -l verbose -d 'Print how the connection is made, headers and close frames; -vv prints every frame as well'
complete -c wstap -n "__fish_wstap_using_subcommand probe-handshake" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s d -l dialect -d 'Whose credentials and subprotocols to use; guessed from the URL' -r -f -a "burki\t'Burki: the progress of calling campaigns, by campaign id; the mock has 1 to 100'
kadoa\t'Kadoa: changes of a team\'s workflow data, acknowledged and replayed; no topics'
voipbin\t'VoIPBIN: calls, messages, queues, … by topic <scope>:<scope_id>:<resource_type>:<resource_id>'
ryze\t'RyzeAPI: messages, calls, groups and states of one WhatsApp instance, whose name is the topic'
plain\t'any endpoint; what it wants to be told is given with -x'"
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l mock -d 'Start a mock of the dialect in this process and probe it; serve-mock\'s arguments may follow the `=`' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l format -d 'How the report looks [default: text on a terminal, else json]' -r -f -a "json\t'One record a line'
text\t'A page for people'
nagios\t'One line with performance data, and exit status 0, 1, 2 or 3, as Nagios, Icinga and Checkmk read it'
prometheus\t'Metrics for the textfile collector of Prometheus\' node exporter'"
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l origins -d 'Ask once for each Origin: none, same, null, or any other; several with commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l repeat -d 'Probe N times; the last record, or the end of the page, is the account of all' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l interval -d 'Time from the start of a probe to the start of the next' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s x -l send -d 'Send this message, or the content of @FILE, for the server to answer; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l max-time -d 'The time for all that --live does; half of it is for the first message' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l expect -d 'This jq expression over the record has to be true; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l expect-status -d 'The answer has to have this status, or one of several with commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l min-cert-days -d 'The server\'s certificate has to be good for this many days' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l max -d 'A phase may take this long: dns, tcp, proxy, tls, upgrade, total, and with --live message, pong, close; several with commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s H -l header -d 'Send this header; repeatable; `K:` removes one, @FILE reads one a line, for every connection' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s b -l cookie -d 'Send these cookies, as NAME=VALUE[; NAME=VALUE]; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l origin -d 'Send this Origin' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s s -l subprotocol -d 'Offer this subprotocol; repeatable, or several with commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l compress -d 'Compression parameters to offer, comma-separated [default: client_max_window_bits]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s u -l user -l auth -d 'User and password, for Basic authentication or for Digest if the server asks for it; @FILE reads them' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l bearer -d 'Send this bearer token; see also --token-env and --token-file, which keep it out of the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l token-env -d 'Take the credential from this environment variable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l token-file -d 'Take the credential from the first line of this file, read for every connection; `-` is standard input' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l token-command -d 'Run this shell command for every connection and take the credential from the first line that it prints. A command that fails is retried as a network failure is' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l token -d 'The credential itself; other users can see it in the process list' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l token-in -d 'Where the credential goes: query, query:NAME, header, header:NAME or bearer; default as the provider wants it' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l cacert -l ca -d 'Trust the certificates in this PEM file instead of the system\'s. The server\'s own certificate may be one' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l cert -d 'Client certificate chain, PEM, or a PKCS#12 file with its key' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l cert-type -d 'Format of the --cert file; without this, its content decides' -r -f -a "PEM\t'PEM files'
P12\t'PKCS#12: certificates and key in one file'"
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l key -d 'Private key of the client certificate, PEM' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l pass -d 'Passphrase of the private key or PKCS#12 file; @FILE reads it. Without this, wstap asks on a terminal' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l pinnedpubkey -d 'Take no server whose key is not one of these: sha256//BASE64, several with semicolons' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l tls-min -d 'Oldest version of TLS to speak [default: 1.2]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l tls-max -d 'Newest version of TLS to speak [default: 1.3]' -r -f -a "1.2\t'TLS 1.2'
1.3\t'TLS 1.3'"
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l resolve -d 'Use these addresses for a host and port; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l connect-to -d 'Connect to another host and port, keeping Host and SNI; repeatable' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l unix-socket -d 'Connect through this unix socket' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l proxy -d 'Proxy: http://, socks5:// (also socks://) or socks5h://, with USER:PASSWORD@ if need be; \'\' for none' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l noproxy -d 'Hosts for which no proxy is used, separated by commas' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l max-redirects -d 'How many redirects to follow with -L [default: 10]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l connect-timeout -d 'Time for everything from name resolution to the end of the upgrade [default: 10s]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l max-message-size -d 'Largest incoming message, such as 16M; 0 is no limit [default: 64M, or as the provider wants it]' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l alpn -d 'Offer this by ALPN instead of http/1.1; several with commas. Other clients offer h2 first' -r
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l log-format -d 'Notices on stderr as text, or as one JSON object a line' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l color -d 'Colour on terminals, always or never' -r -f -a "auto\t'On terminals, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l auth-matrix -d 'Ask without a credential, then with a wrong one and the right one in query, header and as bearer'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l version-check -d 'Ask for WebSocket version 99, which a server has to refuse with 426 and the versions that it speaks'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l all-addresses -d 'Ask once at each address of the host'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l live -d 'After the upgrade, wait for the first message, ping, look at every frame, and close'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l no-compress -d 'Do not offer compression'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l digest -d 'Use Digest authentication only, and never send the password itself'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l accesskey -d 'The credential is an access key: it goes into the query as accesskey (short for --token-in query:accesskey)'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s k -l insecure -d 'Accept any certificate'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -l tls-keylog -d 'Append the keys of the TLS sessions to the file that SSLKEYLOGFILE names, to decrypt captured traffic'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s L -l location -d 'Follow redirects'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s q -l quiet -d 'Show errors only, and what lets others listen (-k, --tls-keylog)'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s v -l verbose -d 'Print how the connection is made, headers and close frames; -vv prints every frame as well'
complete -c wstap -n "__fish_wstap_using_subcommand probe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l host -d 'Address to listen on' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l port -d 'Port to listen on; 0 takes a free one' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l token -d 'The only token that is accepted' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l rate -d 'Events per second for each client; a fraction, or \'max\' for as fast as it reads' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l events -d 'Stop after N events for each client' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l duration -d 'Stop this long after the first event' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l then -d 'What a connection does after its last event' -r -f -a "stay\t'Stay open and silent'
close\t'Close with 1000'"
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l seed -d 'Seed of everything that is made up: the same seed and subscriptions give the same bytes' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l deny -d 'Refuse subscriptions to topics like this one, in which * stands for any text (repeatable)' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l subscribe-limit -d 'Subscribe messages a connection may send in 10 seconds before it is told that these are too many' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l compress -d 'Compression parameters to ask of clients that offer compression, comma-separated [default: none]' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l time-scale -d 'Run the provider\'s own times (heartbeats, pings, patience, the calls of a campaign) N times as fast' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l behave -d 'Whom to follow where a provider\'s documents and its running service differ' -r -f -a "documented\t'The provider\'s documents'
real\t'What the running service is known to do'"
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l allow-origin -d 'Let in requests from pages of this origin, where a provider looks at it (repeatable)' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l drain-after -d 'After N events, tell the clients to connect again and close their connections a little later' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l history -d 'Events that are in the log when the server starts, where a provider keeps one to replay from' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l outcome -d 'How campaigns end; each of the campaigns 1 to 100 begins when it is first watched' -r -f -a "completed\t'All contacts were called'
failed\t'It fails half-way'
cancelled\t'It is cancelled half-way'
paused\t'It is paused half-way, and nobody resumes it'"
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l contacts -d 'Contacts in each campaign' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l fault -d 'Do this wrong (repeatable), such as close=1011@5 or latency=50ms±20ms; the list is below' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l scenario -d 'Let connections follow the scripts in this TOML file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l on -d 'Answer each message with the outputs of this jq program, on every path that nobody else serves (repeatable)' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l replay -d 'Play a recording (or a HAR, by its name) to every client on `/` and on paths that no provider owns' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l speed -d 'How fast to play it: a factor, or \'max\' for as fast as the client reads' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l expect -d 'Expect that some message of a client matches this jq program (repeatable); status 1 if none has by the end' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l ca-file -d 'Write the authority\'s certificate here instead of to a temporary file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l cert -d 'Speak TLS with this certificate chain (PEM)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l key -d 'The private key of --cert, if it is not in the same file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l control-token-env -d 'Take the token of the control API from this environment variable' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l control-token-file -d 'Take it from this file; one that is not there is written, with a token made up for it' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l port-file -l url-file -d 'Write the URL to this file as soon as the server listens' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l announce -d 'What the one line on standard output is' -r -f -a "url\t'The URL: that of the dialect, if one is named, and else the base of all'
json\t'All that there is to know, as JSON'"
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l exit-after -d 'End by itself: after N connections have come and gone (`3`), after a time (`30s`), or once the scenario has been played (`scenario`)' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l exec -d 'Start this command once the server listens, and end with its status; takes all that follows' -r
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l log-format -d 'Notices on stderr as text, or as one JSON object a line' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l color -d 'Colour on terminals, always or never' -r -f -a "auto\t'On terminals, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l no-compress -d 'Accept no compression'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l no-ack -d 'Never acknowledge a subscription, as some real servers do'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l sync -d 'Where the recorded client had sent a message, wait for the client to send one'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l tls -d 'Speak TLS, with a certificate of a throw-away authority'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -l no-control -d 'Switch the control API off'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -s q -l quiet -d 'Show errors only, and what lets others listen (-k, --tls-keylog)'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -s v -l verbose -d 'Print how the connection is made, headers and close frames; -vv prints every frame as well'
complete -c wstap -n "__fish_wstap_using_subcommand serve-mock" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l host -d 'Address to listen on' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l port -d 'Port to listen on; 0 takes a free one' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l token -d 'The only token that is accepted' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l rate -d 'Events per second for each client; a fraction, or \'max\' for as fast as it reads' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l events -d 'Stop after N events for each client' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l duration -d 'Stop this long after the first event' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l then -d 'What a connection does after its last event' -r -f -a "stay\t'Stay open and silent'
close\t'Close with 1000'"
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l seed -d 'Seed of everything that is made up: the same seed and subscriptions give the same bytes' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l deny -d 'Refuse subscriptions to topics like this one, in which * stands for any text (repeatable)' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l subscribe-limit -d 'Subscribe messages a connection may send in 10 seconds before it is told that these are too many' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l compress -d 'Compression parameters to ask of clients that offer compression, comma-separated [default: none]' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l time-scale -d 'Run the provider\'s own times (heartbeats, pings, patience, the calls of a campaign) N times as fast' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l behave -d 'Whom to follow where a provider\'s documents and its running service differ' -r -f -a "documented\t'The provider\'s documents'
real\t'What the running service is known to do'"
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l allow-origin -d 'Let in requests from pages of this origin, where a provider looks at it (repeatable)' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l drain-after -d 'After N events, tell the clients to connect again and close their connections a little later' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l history -d 'Events that are in the log when the server starts, where a provider keeps one to replay from' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l outcome -d 'How campaigns end; each of the campaigns 1 to 100 begins when it is first watched' -r -f -a "completed\t'All contacts were called'
failed\t'It fails half-way'
cancelled\t'It is cancelled half-way'
paused\t'It is paused half-way, and nobody resumes it'"
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l contacts -d 'Contacts in each campaign' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l fault -d 'Do this wrong (repeatable), such as close=1011@5 or latency=50ms±20ms; the list is below' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l scenario -d 'Let connections follow the scripts in this TOML file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l on -d 'Answer each message with the outputs of this jq program, on every path that nobody else serves (repeatable)' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l replay -d 'Play a recording (or a HAR, by its name) to every client on `/` and on paths that no provider owns' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l speed -d 'How fast to play it: a factor, or \'max\' for as fast as the client reads' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l expect -d 'Expect that some message of a client matches this jq program (repeatable); status 1 if none has by the end' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l ca-file -d 'Write the authority\'s certificate here instead of to a temporary file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l cert -d 'Speak TLS with this certificate chain (PEM)' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l key -d 'The private key of --cert, if it is not in the same file' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l control-token-env -d 'Take the token of the control API from this environment variable' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l control-token-file -d 'Take it from this file; one that is not there is written, with a token made up for it' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l port-file -l url-file -d 'Write the URL to this file as soon as the server listens' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l announce -d 'What the one line on standard output is' -r -f -a "url\t'The URL: that of the dialect, if one is named, and else the base of all'
json\t'All that there is to know, as JSON'"
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l exit-after -d 'End by itself: after N connections have come and gone (`3`), after a time (`30s`), or once the scenario has been played (`scenario`)' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l exec -d 'Start this command once the server listens, and end with its status; takes all that follows' -r
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l log-format -d 'Notices on stderr as text, or as one JSON object a line' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l color -d 'Colour on terminals, always or never' -r -f -a "auto\t'On terminals, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l no-compress -d 'Accept no compression'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l no-ack -d 'Never acknowledge a subscription, as some real servers do'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l sync -d 'Where the recorded client had sent a message, wait for the client to send one'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l tls -d 'Speak TLS, with a certificate of a throw-away authority'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -l no-control -d 'Switch the control API off'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -s q -l quiet -d 'Show errors only, and what lets others listen (-k, --tls-keylog)'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -s v -l verbose -d 'Print how the connection is made, headers and close frames; -vv prints every frame as well'
complete -c wstap -n "__fish_wstap_using_subcommand mock" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand completions" -l dir -d 'Write the scripts of all shells into this folder instead' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand completions" -l log-format -d 'Notices on stderr as text, or as one JSON object a line' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c wstap -n "__fish_wstap_using_subcommand completions" -l color -d 'Colour on terminals, always or never' -r -f -a "auto\t'On terminals, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand completions" -s q -l quiet -d 'Show errors only, and what lets others listen (-k, --tls-keylog)'
complete -c wstap -n "__fish_wstap_using_subcommand completions" -s v -l verbose -d 'Print how the connection is made, headers and close frames; -vv prints every frame as well'
complete -c wstap -n "__fish_wstap_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand man" -l dir -d 'Write the pages of all commands into this folder instead' -r -F
complete -c wstap -n "__fish_wstap_using_subcommand man" -l log-format -d 'Notices on stderr as text, or as one JSON object a line' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c wstap -n "__fish_wstap_using_subcommand man" -l color -d 'Colour on terminals, always or never' -r -f -a "auto\t'On terminals, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wstap -n "__fish_wstap_using_subcommand man" -s q -l quiet -d 'Show errors only, and what lets others listen (-k, --tls-keylog)'
complete -c wstap -n "__fish_wstap_using_subcommand man" -s v -l verbose -d 'Print how the connection is made, headers and close frames; -vv prints every frame as well'
complete -c wstap -n "__fish_wstap_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wstap -n "__fish_wstap_using_subcommand help; and not __fish_seen_subcommand_from connect subscribe watch-campaign probe-handshake serve-mock completions man help" -f -a "connect" -d 'Talk to any WebSocket endpoint: lines of standard input go out, messages come in as lines'
complete -c wstap -n "__fish_wstap_using_subcommand help; and not __fish_seen_subcommand_from connect subscribe watch-campaign probe-handshake serve-mock completions man help" -f -a "subscribe" -d 'Subscribe to topics of a provider and print its events'
complete -c wstap -n "__fish_wstap_using_subcommand help; and not __fish_seen_subcommand_from connect subscribe watch-campaign probe-handshake serve-mock completions man help" -f -a "watch-campaign" -d 'Watch the progress of campaigns; the exit status says what came of them'
complete -c wstap -n "__fish_wstap_using_subcommand help; and not __fish_seen_subcommand_from connect subscribe watch-campaign probe-handshake serve-mock completions man help" -f -a "probe-handshake" -d 'Report on an endpoint: network, TLS, upgrade, every check; with gates for CI'
complete -c wstap -n "__fish_wstap_using_subcommand help; and not __fish_seen_subcommand_from connect subscribe watch-campaign probe-handshake serve-mock completions man help" -f -a "serve-mock" -d 'Run a mock of the providers on a loopback port'
complete -c wstap -n "__fish_wstap_using_subcommand help; and not __fish_seen_subcommand_from connect subscribe watch-campaign probe-handshake serve-mock completions man help" -f -a "completions" -d 'Print the completion script of a shell'
complete -c wstap -n "__fish_wstap_using_subcommand help; and not __fish_seen_subcommand_from connect subscribe watch-campaign probe-handshake serve-mock completions man help" -f -a "man" -d 'Print the manual page'
complete -c wstap -n "__fish_wstap_using_subcommand help; and not __fish_seen_subcommand_from connect subscribe watch-campaign probe-handshake serve-mock completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
