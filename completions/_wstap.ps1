
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'wstap' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'wstap'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'wstap' {
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'Notices on stderr as text, or as one JSON object a line')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour on terminals, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Show errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Show errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice for everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice for everything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('connect', 'connect', [CompletionResultType]::ParameterValue, 'Talk to any WebSocket endpoint: lines of standard input go out, messages come in as lines')
            [CompletionResult]::new('subscribe', 'subscribe', [CompletionResultType]::ParameterValue, 'Subscribe to topics of a provider and print its events')
            [CompletionResult]::new('serve-mock', 'serve-mock', [CompletionResultType]::ParameterValue, 'Run a mock of the providers on a loopback port')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'wstap;connect' {
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'How to speak to the provider; guessed from the URL')
            [CompletionResult]::new('--dialect', '--dialect', [CompletionResultType]::ParameterName, 'How to speak to the provider; guessed from the URL')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Send this message on every connection; repeatable, in order')
            [CompletionResult]::new('--send', '--send', [CompletionResultType]::ParameterName, 'Send this message on every connection; repeatable, in order')
            [CompletionResult]::new('--execute', '--execute', [CompletionResultType]::ParameterName, 'Send this message on every connection; repeatable, in order')
            [CompletionResult]::new('--reply', '--reply', [CompletionResultType]::ParameterName, 'Run this jq program over each incoming message and send every output back')
            [CompletionResult]::new('--binary-in', '--binary-in', [CompletionResultType]::ParameterName, 'Standard input is binary: a message a line in base64 or hex, or raw chunks')
            [CompletionResult]::new('--mock', '--mock', [CompletionResultType]::ParameterName, 'Start a mock of the dialect in this process and connect to it; serve-mock''s arguments may follow the `=`')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read messages from a recording or NDJSON instead of a connection; `-` is standard input')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Print the outputs of this jq program instead of the messages')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Print the outputs of this jq program instead of the messages')
            [CompletionResult]::new('--jq', '--jq', [CompletionResultType]::ParameterName, 'Print the outputs of this jq program instead of the messages')
            [CompletionResult]::new('--filter-file', '--filter-file', [CompletionResultType]::ParameterName, 'Read the jq program from a file')
            [CompletionResult]::new('--arg', '--arg', [CompletionResultType]::ParameterName, 'Set $N to the string V in every jq program')
            [CompletionResult]::new('--argjson', '--argjson', [CompletionResultType]::ParameterName, 'Set $N to the JSON value V')
            [CompletionResult]::new('--slurpfile', '--slurpfile', [CompletionResultType]::ParameterName, 'Set $N to an array of the JSON values in a file')
            [CompletionResult]::new('--filter-errors', '--filter-errors', [CompletionResultType]::ParameterName, 'What an error of a jq program does: a notice and on, or the end with status 5')
            [CompletionResult]::new('--binary', '--binary', [CompletionResultType]::ParameterName, 'How binary messages are printed')
            [CompletionResult]::new('--record', '--record', [CompletionResultType]::ParameterName, 'Write records of everything to this file')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'End after N lines; the records that tell of the end come on top')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'End with success once this jq expression is true; the matching message is printed')
            [CompletionResult]::new('--fail-if', '--fail-if', [CompletionResultType]::ParameterName, 'End with status 1 as soon as this jq expression is true')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'End when no message has come for this long')
            [CompletionResult]::new('--max-time', '--max-time', [CompletionResultType]::ParameterName, 'End after this time')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End after this time')
            [CompletionResult]::new('--linger', '--linger', [CompletionResultType]::ParameterName, 'After standard input ended, stay until nothing has come for this long, or `forever`')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'After standard input ended, stay until nothing has come for this long, or `forever`')
            [CompletionResult]::new('--ok-close', '--ok-close', [CompletionResultType]::ParameterName, 'A close code that also counts as a clean end; repeatable')
            [CompletionResult]::new('--close-code', '--close-code', [CompletionResultType]::ParameterName, 'Code of the close frame that ends the session')
            [CompletionResult]::new('--close-reason', '--close-reason', [CompletionResultType]::ParameterName, 'Reason in the close frame that ends the session')
            [CompletionResult]::new('-H', '-H ', [CompletionResultType]::ParameterName, 'Send this header; repeatable; `K:` removes one, @FILE reads one a line')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'Send this header; repeatable; `K:` removes one, @FILE reads one a line')
            [CompletionResult]::new('--origin', '--origin', [CompletionResultType]::ParameterName, 'Send this Origin')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Offer this subprotocol; repeatable, or several with commas')
            [CompletionResult]::new('--subprotocol', '--subprotocol', [CompletionResultType]::ParameterName, 'Offer this subprotocol; repeatable, or several with commas')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'User and password for basic authentication')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User and password for basic authentication')
            [CompletionResult]::new('--auth', '--auth', [CompletionResultType]::ParameterName, 'User and password for basic authentication')
            [CompletionResult]::new('--bearer', '--bearer', [CompletionResultType]::ParameterName, 'Send this bearer token; see also --token-env and --token-file, which keep it out of the process list')
            [CompletionResult]::new('--token-env', '--token-env', [CompletionResultType]::ParameterName, 'Take the credential from this environment variable')
            [CompletionResult]::new('--token-file', '--token-file', [CompletionResultType]::ParameterName, 'Take the credential from the first line of this file; `-` is standard input')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'The credential itself; other users can see it in the process list')
            [CompletionResult]::new('--token-in', '--token-in', [CompletionResultType]::ParameterName, 'Where the credential goes: query, query:NAME, header, header:NAME or bearer; default as the provider wants it')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'Trust the certificates in this PEM file instead of the system''s')
            [CompletionResult]::new('--ca', '--ca', [CompletionResultType]::ParameterName, 'Trust the certificates in this PEM file instead of the system''s')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Client certificate chain, PEM')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Private key of the client certificate, PEM')
            [CompletionResult]::new('--resolve', '--resolve', [CompletionResultType]::ParameterName, 'Use these addresses for a host and port; repeatable')
            [CompletionResult]::new('--connect-to', '--connect-to', [CompletionResultType]::ParameterName, 'Connect to another host and port, keeping Host and SNI; repeatable')
            [CompletionResult]::new('--unix-socket', '--unix-socket', [CompletionResultType]::ParameterName, 'Connect through this unix socket')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Proxy: http://, socks5:// or socks5h://, with USER:PASSWORD@ if need be; '''' for none')
            [CompletionResult]::new('--noproxy', '--noproxy', [CompletionResultType]::ParameterName, 'Hosts for which no proxy is used, separated by commas')
            [CompletionResult]::new('--max-redirects', '--max-redirects', [CompletionResultType]::ParameterName, 'How many redirects to follow with -L')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Time for everything from name resolution to the end of the upgrade')
            [CompletionResult]::new('--max-message-size', '--max-message-size', [CompletionResultType]::ParameterName, 'Largest incoming message, such as 16M; 0 is no limit [default: 64M, or as the provider wants it]')
            [CompletionResult]::new('--ping-interval', '--ping-interval', [CompletionResultType]::ParameterName, 'Ping this often; 0s never [default: 25s, or as the provider wants it]')
            [CompletionResult]::new('--ping-timeout', '--ping-timeout', [CompletionResultType]::ParameterName, 'The link is dead when nothing has come for this long after a ping was sent')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'Give up after N attempts in a row without a stable connection between them')
            [CompletionResult]::new('--reconnect-delay', '--reconnect-delay', [CompletionResultType]::ParameterName, 'Bound of the first wait before an attempt; it doubles with every attempt')
            [CompletionResult]::new('--reconnect-max-delay', '--reconnect-max-delay', [CompletionResultType]::ParameterName, 'Bound of every wait before an attempt')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'Notices on stderr as text, or as one JSON object a line')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour on terminals, always or never')
            [CompletionResult]::new('--echo', '--echo', [CompletionResultType]::ParameterName, 'Send each message back as it came')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Run the filter once with null as input; it reads the live stream with `input` and `inputs`')
            [CompletionResult]::new('--null-input', '--null-input', [CompletionResultType]::ParameterName, 'Run the filter once with null as input; it reads the live stream with `input` and `inputs`')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Take the exit status from the last output: 1 for false or null, 4 for none')
            [CompletionResult]::new('--exit-status', '--exit-status', [CompletionResultType]::ParameterName, 'Take the exit status from the last output: 1 for false or null, 4 for none')
            [CompletionResult]::new('--envelope', '--envelope', [CompletionResultType]::ParameterName, 'Print records of everything that happens instead of messages; the filter then sees records')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Print strings without quotes')
            [CompletionResult]::new('--raw-output', '--raw-output', [CompletionResultType]::ParameterName, 'Print strings without quotes')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Like --raw-output, with nothing between outputs')
            [CompletionResult]::new('--join-output', '--join-output', [CompletionResultType]::ParameterName, 'Like --raw-output, with nothing between outputs')
            [CompletionResult]::new('--pretty', '--pretty', [CompletionResultType]::ParameterName, 'Indent JSON')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show the credentials that were given in records too; they are masked wherever they stand')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Accept any certificate')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Accept any certificate')
            [CompletionResult]::new('-4', '-4', [CompletionResultType]::ParameterName, 'Use IPv4 addresses only')
            [CompletionResult]::new('--ipv4', '--ipv4', [CompletionResultType]::ParameterName, 'Use IPv4 addresses only')
            [CompletionResult]::new('-6', '-6', [CompletionResultType]::ParameterName, 'Use IPv6 addresses only')
            [CompletionResult]::new('--ipv6', '--ipv6', [CompletionResultType]::ParameterName, 'Use IPv6 addresses only')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'Follow redirects')
            [CompletionResult]::new('--location', '--location', [CompletionResultType]::ParameterName, 'Follow redirects')
            [CompletionResult]::new('--reconnect', '--reconnect', [CompletionResultType]::ParameterName, 'Reconnect after a loss, and keep trying when the first connection fails (as --retries does)')
            [CompletionResult]::new('--no-reconnect', '--no-reconnect', [CompletionResultType]::ParameterName, 'Do not reconnect')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Show errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Show errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice for everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice for everything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'wstap;subscribe' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Where to connect; the provider''s own endpoint when it has one')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'How to speak to the provider; guessed from the URL')
            [CompletionResult]::new('--dialect', '--dialect', [CompletionResultType]::ParameterName, 'How to speak to the provider; guessed from the URL')
            [CompletionResult]::new('--topics-file', '--topics-file', [CompletionResultType]::ParameterName, 'Read topics from this file, one a line; empty lines and lines with # in front are skipped')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Send this message on every connection; repeatable, in order')
            [CompletionResult]::new('--send', '--send', [CompletionResultType]::ParameterName, 'Send this message on every connection; repeatable, in order')
            [CompletionResult]::new('--execute', '--execute', [CompletionResultType]::ParameterName, 'Send this message on every connection; repeatable, in order')
            [CompletionResult]::new('--reply', '--reply', [CompletionResultType]::ParameterName, 'Run this jq program over each incoming message and send every output back')
            [CompletionResult]::new('--binary-in', '--binary-in', [CompletionResultType]::ParameterName, 'Standard input is binary: a message a line in base64 or hex, or raw chunks')
            [CompletionResult]::new('--mock', '--mock', [CompletionResultType]::ParameterName, 'Start a mock of the dialect in this process and connect to it; serve-mock''s arguments may follow the `=`')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read messages from a recording or NDJSON instead of a connection; `-` is standard input')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Print the outputs of this jq program instead of the messages')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Print the outputs of this jq program instead of the messages')
            [CompletionResult]::new('--jq', '--jq', [CompletionResultType]::ParameterName, 'Print the outputs of this jq program instead of the messages')
            [CompletionResult]::new('--filter-file', '--filter-file', [CompletionResultType]::ParameterName, 'Read the jq program from a file')
            [CompletionResult]::new('--arg', '--arg', [CompletionResultType]::ParameterName, 'Set $N to the string V in every jq program')
            [CompletionResult]::new('--argjson', '--argjson', [CompletionResultType]::ParameterName, 'Set $N to the JSON value V')
            [CompletionResult]::new('--slurpfile', '--slurpfile', [CompletionResultType]::ParameterName, 'Set $N to an array of the JSON values in a file')
            [CompletionResult]::new('--filter-errors', '--filter-errors', [CompletionResultType]::ParameterName, 'What an error of a jq program does: a notice and on, or the end with status 5')
            [CompletionResult]::new('--binary', '--binary', [CompletionResultType]::ParameterName, 'How binary messages are printed')
            [CompletionResult]::new('--record', '--record', [CompletionResultType]::ParameterName, 'Write records of everything to this file')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'End after N lines; the records that tell of the end come on top')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'End with success once this jq expression is true; the matching message is printed')
            [CompletionResult]::new('--fail-if', '--fail-if', [CompletionResultType]::ParameterName, 'End with status 1 as soon as this jq expression is true')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'End when no message has come for this long')
            [CompletionResult]::new('--max-time', '--max-time', [CompletionResultType]::ParameterName, 'End after this time')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End after this time')
            [CompletionResult]::new('--linger', '--linger', [CompletionResultType]::ParameterName, 'After standard input ended, stay until nothing has come for this long, or `forever`')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'After standard input ended, stay until nothing has come for this long, or `forever`')
            [CompletionResult]::new('--ok-close', '--ok-close', [CompletionResultType]::ParameterName, 'A close code that also counts as a clean end; repeatable')
            [CompletionResult]::new('--close-code', '--close-code', [CompletionResultType]::ParameterName, 'Code of the close frame that ends the session')
            [CompletionResult]::new('--close-reason', '--close-reason', [CompletionResultType]::ParameterName, 'Reason in the close frame that ends the session')
            [CompletionResult]::new('-H', '-H ', [CompletionResultType]::ParameterName, 'Send this header; repeatable; `K:` removes one, @FILE reads one a line')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'Send this header; repeatable; `K:` removes one, @FILE reads one a line')
            [CompletionResult]::new('--origin', '--origin', [CompletionResultType]::ParameterName, 'Send this Origin')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Offer this subprotocol; repeatable, or several with commas')
            [CompletionResult]::new('--subprotocol', '--subprotocol', [CompletionResultType]::ParameterName, 'Offer this subprotocol; repeatable, or several with commas')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'User and password for basic authentication')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User and password for basic authentication')
            [CompletionResult]::new('--auth', '--auth', [CompletionResultType]::ParameterName, 'User and password for basic authentication')
            [CompletionResult]::new('--bearer', '--bearer', [CompletionResultType]::ParameterName, 'Send this bearer token; see also --token-env and --token-file, which keep it out of the process list')
            [CompletionResult]::new('--token-env', '--token-env', [CompletionResultType]::ParameterName, 'Take the credential from this environment variable')
            [CompletionResult]::new('--token-file', '--token-file', [CompletionResultType]::ParameterName, 'Take the credential from the first line of this file; `-` is standard input')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'The credential itself; other users can see it in the process list')
            [CompletionResult]::new('--token-in', '--token-in', [CompletionResultType]::ParameterName, 'Where the credential goes: query, query:NAME, header, header:NAME or bearer; default as the provider wants it')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'Trust the certificates in this PEM file instead of the system''s')
            [CompletionResult]::new('--ca', '--ca', [CompletionResultType]::ParameterName, 'Trust the certificates in this PEM file instead of the system''s')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Client certificate chain, PEM')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Private key of the client certificate, PEM')
            [CompletionResult]::new('--resolve', '--resolve', [CompletionResultType]::ParameterName, 'Use these addresses for a host and port; repeatable')
            [CompletionResult]::new('--connect-to', '--connect-to', [CompletionResultType]::ParameterName, 'Connect to another host and port, keeping Host and SNI; repeatable')
            [CompletionResult]::new('--unix-socket', '--unix-socket', [CompletionResultType]::ParameterName, 'Connect through this unix socket')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Proxy: http://, socks5:// or socks5h://, with USER:PASSWORD@ if need be; '''' for none')
            [CompletionResult]::new('--noproxy', '--noproxy', [CompletionResultType]::ParameterName, 'Hosts for which no proxy is used, separated by commas')
            [CompletionResult]::new('--max-redirects', '--max-redirects', [CompletionResultType]::ParameterName, 'How many redirects to follow with -L')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Time for everything from name resolution to the end of the upgrade')
            [CompletionResult]::new('--max-message-size', '--max-message-size', [CompletionResultType]::ParameterName, 'Largest incoming message, such as 16M; 0 is no limit [default: 64M, or as the provider wants it]')
            [CompletionResult]::new('--ping-interval', '--ping-interval', [CompletionResultType]::ParameterName, 'Ping this often; 0s never [default: 25s, or as the provider wants it]')
            [CompletionResult]::new('--ping-timeout', '--ping-timeout', [CompletionResultType]::ParameterName, 'The link is dead when nothing has come for this long after a ping was sent')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'Give up after N attempts in a row without a stable connection between them')
            [CompletionResult]::new('--reconnect-delay', '--reconnect-delay', [CompletionResultType]::ParameterName, 'Bound of the first wait before an attempt; it doubles with every attempt')
            [CompletionResult]::new('--reconnect-max-delay', '--reconnect-max-delay', [CompletionResultType]::ParameterName, 'Bound of every wait before an attempt')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'Notices on stderr as text, or as one JSON object a line')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour on terminals, always or never')
            [CompletionResult]::new('--keep-going', '--keep-going', [CompletionResultType]::ParameterName, 'Go on when the provider refuses a topic')
            [CompletionResult]::new('--echo', '--echo', [CompletionResultType]::ParameterName, 'Send each message back as it came')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Run the filter once with null as input; it reads the live stream with `input` and `inputs`')
            [CompletionResult]::new('--null-input', '--null-input', [CompletionResultType]::ParameterName, 'Run the filter once with null as input; it reads the live stream with `input` and `inputs`')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Take the exit status from the last output: 1 for false or null, 4 for none')
            [CompletionResult]::new('--exit-status', '--exit-status', [CompletionResultType]::ParameterName, 'Take the exit status from the last output: 1 for false or null, 4 for none')
            [CompletionResult]::new('--envelope', '--envelope', [CompletionResultType]::ParameterName, 'Print records of everything that happens instead of messages; the filter then sees records')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Print strings without quotes')
            [CompletionResult]::new('--raw-output', '--raw-output', [CompletionResultType]::ParameterName, 'Print strings without quotes')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Like --raw-output, with nothing between outputs')
            [CompletionResult]::new('--join-output', '--join-output', [CompletionResultType]::ParameterName, 'Like --raw-output, with nothing between outputs')
            [CompletionResult]::new('--pretty', '--pretty', [CompletionResultType]::ParameterName, 'Indent JSON')
            [CompletionResult]::new('--show-secrets', '--show-secrets', [CompletionResultType]::ParameterName, 'Show the credentials that were given in records too; they are masked wherever they stand')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Accept any certificate')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Accept any certificate')
            [CompletionResult]::new('-4', '-4', [CompletionResultType]::ParameterName, 'Use IPv4 addresses only')
            [CompletionResult]::new('--ipv4', '--ipv4', [CompletionResultType]::ParameterName, 'Use IPv4 addresses only')
            [CompletionResult]::new('-6', '-6', [CompletionResultType]::ParameterName, 'Use IPv6 addresses only')
            [CompletionResult]::new('--ipv6', '--ipv6', [CompletionResultType]::ParameterName, 'Use IPv6 addresses only')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'Follow redirects')
            [CompletionResult]::new('--location', '--location', [CompletionResultType]::ParameterName, 'Follow redirects')
            [CompletionResult]::new('--reconnect', '--reconnect', [CompletionResultType]::ParameterName, 'Reconnect after a loss, and keep trying when the first connection fails (as --retries does)')
            [CompletionResult]::new('--no-reconnect', '--no-reconnect', [CompletionResultType]::ParameterName, 'Do not reconnect')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Show errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Show errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice for everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice for everything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'wstap;serve-mock' {
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Address to listen on')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port to listen on; 0 takes a free one')
            [CompletionResult]::new('--port-file', '--port-file', [CompletionResultType]::ParameterName, 'Write the port to this file as soon as the server listens')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'The only token that is accepted')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Events per second for each client; a fraction, or ''max'' for as fast as it reads')
            [CompletionResult]::new('--events', '--events', [CompletionResultType]::ParameterName, 'Stop after N events for each client')
            [CompletionResult]::new('--duration', '--duration', [CompletionResultType]::ParameterName, 'Stop this long after the first event')
            [CompletionResult]::new('--then', '--then', [CompletionResultType]::ParameterName, 'What a connection does after its last event')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Seed of everything that is made up: the same seed and subscriptions give the same bytes')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'Refuse subscriptions to topics like this one, in which * stands for any text (repeatable)')
            [CompletionResult]::new('--subscribe-limit', '--subscribe-limit', [CompletionResultType]::ParameterName, 'Subscribe messages a connection may send in 10 seconds before it is told that these are too many')
            [CompletionResult]::new('--time-scale', '--time-scale', [CompletionResultType]::ParameterName, 'Run the provider''s own timers (heartbeats, pings, patience) N times as fast')
            [CompletionResult]::new('--behave', '--behave', [CompletionResultType]::ParameterName, 'Whom to follow where a provider''s documents and its running service differ')
            [CompletionResult]::new('--fault', '--fault', [CompletionResultType]::ParameterName, 'Do this wrong (repeatable), such as close=1011@5 or latency=50ms±20ms; the list is below')
            [CompletionResult]::new('--scenario', '--scenario', [CompletionResultType]::ParameterName, 'Let connections follow the scripts in this TOML file')
            [CompletionResult]::new('--on', '--on', [CompletionResultType]::ParameterName, 'Answer each message with the outputs of this jq program, on every path that nobody else serves (repeatable)')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'Notices on stderr as text, or as one JSON object a line')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour on terminals, always or never')
            [CompletionResult]::new('--no-ack', '--no-ack', [CompletionResultType]::ParameterName, 'Never acknowledge a subscription, as some real servers do')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Show errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Show errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice for everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice for everything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'wstap;completions' {
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'Write the scripts of all shells into this folder instead')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'Notices on stderr as text, or as one JSON object a line')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour on terminals, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Show errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Show errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice for everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice for everything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'wstap;man' {
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'Write the pages of all commands into this folder instead')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'Notices on stderr as text, or as one JSON object a line')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour on terminals, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Show errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Show errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show more; twice for everything')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show more; twice for everything')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'wstap;help' {
            [CompletionResult]::new('connect', 'connect', [CompletionResultType]::ParameterValue, 'Talk to any WebSocket endpoint: lines of standard input go out, messages come in as lines')
            [CompletionResult]::new('subscribe', 'subscribe', [CompletionResultType]::ParameterValue, 'Subscribe to topics of a provider and print its events')
            [CompletionResult]::new('serve-mock', 'serve-mock', [CompletionResultType]::ParameterValue, 'Run a mock of the providers on a loopback port')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'wstap;help;connect' {
            break
        }
        'wstap;help;subscribe' {
            break
        }
        'wstap;help;serve-mock' {
            break
        }
        'wstap;help;completions' {
            break
        }
        'wstap;help;man' {
            break
        }
        'wstap;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
