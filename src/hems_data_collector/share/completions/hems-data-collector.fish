# Written by tools/completions.py and shtab: make docs

# Custom Preamble
# What may stand behind --port: the sticks that are plugged in, and the kinds of addresses.
function _hems_ports
  set -l word (commandline -ct)
  switch "$word"
    case 'replay:*'
      complete -C "'' "(string replace replay: '' -- "$word") | string replace -r '^' replay:
    case 'wifi:*'
      printf 'wifi:%s\n' (ls /sys/class/net 2> /dev/null)
    case '*'
      set -l sticks /dev/serial/by-id/* /dev/ttyUSB* /dev/ttyACM* /dev/ttyAMA*
      test (count $sticks) -eq 0; or printf '%s\n' $sticks
      printf '%s\n' emulator: wifi: replay: socket:// rfc2217:// esphome://
  end
end

# The names of the time zones.
function _hems_zones
  echo UTC
  awk '!/^#/ { print $3 }' /usr/share/zoneinfo/zone.tab 2> /dev/null
end

# The network interfaces of this machine.
function _hems_interfaces
  ls /sys/class/net 2> /dev/null
end

# End Custom Preamble

# Parse current commandline:
# - _shtab_hems_data_collector_cmdpath=(sub)command path seen so far
# - _shtab_hems_data_collector_npos=number of positional arguments given after it
# - options are skipped based on _shtab_hems_data_collector_opts_with_value & _shtab_hems_data_collector_commands lists
function _shtab_hems_data_collector_scan
  set -g _shtab_hems_data_collector_cmdpath ''
  set -g _shtab_hems_data_collector_npos 0
  set -l tokens (commandline -opc)
  set -e tokens[1]
  set -l expect_value 0
  for t in $tokens
    if test $expect_value -eq 1
      set expect_value 0
      continue
    end
    switch "$t"
      case '--*=*'
        continue
      case '-*'
        if contains -- $t $_shtab_hems_data_collector_opts_with_value
          set expect_value 1
        end
        continue
      case '*'
        if test $_shtab_hems_data_collector_npos -eq 0
          set -l candidate $t
          if test -n "$_shtab_hems_data_collector_cmdpath"
            set candidate "$_shtab_hems_data_collector_cmdpath $t"
          end
          if contains -- $candidate $_shtab_hems_data_collector_commands
            set -g _shtab_hems_data_collector_cmdpath $candidate
            continue
          end
        end
        set -g _shtab_hems_data_collector_npos (math $_shtab_hems_data_collector_npos + 1)
    end
  end
end

# Condition helper: true if the current (sub)command path equals the given one.
function _shtab_hems_data_collector_using
  _shtab_hems_data_collector_scan
  test "$_shtab_hems_data_collector_cmdpath" = "$argv"
end

set -g _shtab_hems_data_collector_commands run read emulate decode record history export backfill status outputs replay dead-letters check doctor scan completion
set -g _shtab_hems_data_collector_opts_with_value --backfill-spacing --baud --baudrate --channel --config --d3 --database --day --digits --echo --export --fault --file --format --from --gcp-credentials --gcp-emulator-host --gcp-project --gcp-topic --hex --history2 --id --interval --join --keep-readings --lifetime --local-timezone --loss --mac --meter --meter-channel --meter-ipv6 --meter-panid --meters --mode --module --month --notify --notify-delay --output --panid --password --port --pty --release --report --rtt --salvage --schedule --seconds --seed --seq --speed --start --tcp --to --unit --webhook-header --webhook-secret --webhook-url --wifi --wires -f -i -o -s

complete -c hems-data-collector -e
complete -c hems-data-collector -f

complete -c hems-data-collector -n _shtab_hems_data_collector_using -s o -l output -xka "stdout file webhook gcloud" -d 'where readings go, one or more'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -s f -l format -xka "json yaml csv" -d 'how the outputs stdout and file write'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l file -xka "(__fish_complete_path (commandline -ct))" -d 'where the output '"'"'file'"'"' writes'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l webhook-url -x -d 'where the output '"'"'webhook'"'"' posts'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l webhook-header -x -d 'one more header of each POST, such as '"'"'Authorization: Bearer ...'"'"''
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l webhook-secret -x -d 'sign each POST by the Standard Webhooks convention: '"'"'whsec_'"'"' and base64 of 24 to 64 random bytes'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l gcp-project -x -d 'project of the output '"'"'gcloud'"'"''
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l gcp-topic -x -d 'topic of the output '"'"'gcloud'"'"''
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l gcp-credentials -xka "(__fish_complete_path (commandline -ct))" -d 'key file for Google Cloud'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l gcp-emulator-host -x -d 'publish to a Pub/Sub emulator, without TLS and credentials'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l port -xka "(_hems_ports)" -d 'the Wi-SUN stick: a device path, socket://HOST:PORT, rfc2217://HOST:PORT, esphome://HOST, or emulator:'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l baudrate -xka "115200 57600 38400 19200 9600" -d 'speed of the serial port in bit/s'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l meter-channel -x -d 'radio channel of the meter, hexadecimal 21 to 3C'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l meter-panid -x -d 'PAN id of the meter, hexadecimal 0000 to FFFF'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l meter-ipv6 -x -d 'IPv6 address of the meter'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l mode -xka "schedule interval" -d 'when to read: by a cron expression, or at a fixed interval'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -s s -l schedule -x -d 'cron expression for the mode schedule: minute hour day month weekday, and at the end seconds if you like'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -s i -l interval -x -d 'seconds from one reading to the next for the mode interval'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l local-timezone -xka "(_hems_zones)" -d 'time zone of the meter'"'"'s clock, of cron expressions and of the times in the log'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l database -xka "(__fish_complete_path (commandline -ct))" -d 'where readings and half hours are kept'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l keep-readings -x -d 'how long readings and minutes are kept: days as 400d, years as 2y, or all'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l half-hours -d 'also send a record for each half hour, those read from the meter'"'"'s history included'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l from -xka "today yesterday" -d 'a new output begins with what was stored at this time, such as 2026-01-15, instead of with the present'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l backfill-spacing -x -d 'seconds between two requests for the meter'"'"'s history, which is read in the background'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l config -xka "(__fish_complete_path (commandline -ct))" -d 'settings file in TOML'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -l debug -d 'log every line of the wire, without secrets'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n _shtab_hems_data_collector_using -s v -l version -d 'show the version and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using; and test $_shtab_hems_data_collector_npos -eq 0' -a run -d 'run the collector: read the meter again and again, and hand every reading to the outputs'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -s o -l output -xka "stdout file webhook gcloud" -d 'where readings go, one or more'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -s f -l format -xka "json yaml csv" -d 'how the outputs stdout and file write'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l file -xka "(__fish_complete_path (commandline -ct))" -d 'where the output '"'"'file'"'"' writes'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l webhook-url -x -d 'where the output '"'"'webhook'"'"' posts'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l webhook-header -x -d 'one more header of each POST, such as '"'"'Authorization: Bearer ...'"'"''
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l webhook-secret -x -d 'sign each POST by the Standard Webhooks convention: '"'"'whsec_'"'"' and base64 of 24 to 64 random bytes'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l gcp-project -x -d 'project of the output '"'"'gcloud'"'"''
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l gcp-topic -x -d 'topic of the output '"'"'gcloud'"'"''
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l gcp-credentials -xka "(__fish_complete_path (commandline -ct))" -d 'key file for Google Cloud'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l gcp-emulator-host -x -d 'publish to a Pub/Sub emulator, without TLS and credentials'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l port -xka "(_hems_ports)" -d 'the Wi-SUN stick: a device path, socket://HOST:PORT, rfc2217://HOST:PORT, esphome://HOST, or emulator:'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l baudrate -xka "115200 57600 38400 19200 9600" -d 'speed of the serial port in bit/s'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l meter-channel -x -d 'radio channel of the meter, hexadecimal 21 to 3C'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l meter-panid -x -d 'PAN id of the meter, hexadecimal 0000 to FFFF'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l meter-ipv6 -x -d 'IPv6 address of the meter'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l mode -xka "schedule interval" -d 'when to read: by a cron expression, or at a fixed interval'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -s s -l schedule -x -d 'cron expression for the mode schedule: minute hour day month weekday, and at the end seconds if you like'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -s i -l interval -x -d 'seconds from one reading to the next for the mode interval'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l local-timezone -xka "(_hems_zones)" -d 'time zone of the meter'"'"'s clock, of cron expressions and of the times in the log'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l database -xka "(__fish_complete_path (commandline -ct))" -d 'where readings and half hours are kept'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l keep-readings -x -d 'how long readings and minutes are kept: days as 400d, years as 2y, or all'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l half-hours -d 'also send a record for each half hour, those read from the meter'"'"'s history included'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l from -xka "today yesterday" -d 'a new output begins with what was stored at this time, such as 2026-01-15, instead of with the present'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l backfill-spacing -x -d 'seconds between two requests for the meter'"'"'s history, which is read in the background'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'settings file in TOML'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -l debug -d 'log every line of the wire, without secrets'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using run' -s v -l version -d 'show the version and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using; and test $_shtab_hems_data_collector_npos -eq 0' -a read -d 'one reading now: a table on a terminal, a record in a pipe'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using read' -s f -l format -xka "json yaml csv" -d 'how the outputs stdout and file write'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using read' -l port -xka "(_hems_ports)" -d 'the Wi-SUN stick: a device path, socket://HOST:PORT, rfc2217://HOST:PORT, esphome://HOST, or emulator:'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using read' -l baudrate -xka "115200 57600 38400 19200 9600" -d 'speed of the serial port in bit/s'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using read' -l meter-channel -x -d 'radio channel of the meter, hexadecimal 21 to 3C'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using read' -l meter-panid -x -d 'PAN id of the meter, hexadecimal 0000 to FFFF'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using read' -l meter-ipv6 -x -d 'IPv6 address of the meter'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using read' -l local-timezone -xka "(_hems_zones)" -d 'time zone of the meter'"'"'s clock, of cron expressions and of the times in the log'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using read' -l debug -d 'log every line of the wire, without secrets'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using read' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'settings file in TOML'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using read' -l meter -x -d 'this one of several meters'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using read' -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using; and test $_shtab_hems_data_collector_npos -eq 0' -a emulate -d 'a modem and a smart meter for other programs, without hardware'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l pty -xka "(__fish_complete_path (commandline -ct))" -d 'serve on a pseudo terminal, with PATH leading to it'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l tcp -x -d 'serve raw bytes on a TCP port of 127.0.0.1, or of HOST'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l wifi -xka "(_hems_interfaces)" -d 'serve on a network interface, without INTERFACE on the only one'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l module -xka "bp35a1 wsr35a1 rl7023-ips bp35c0 bp35c2 rs-wsuha-p rl7023-dss mb-rl7023-dss j11" -d 'Wi-SUN module: bp35a1, wsr35a1, rl7023-ips, bp35c0, bp35c2, rs-wsuha-p, rl7023-dss, mb-rl7023-dss'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l wires -xka "2 3" -d 'wires of the supply'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l export -xka "0 1" -d 'solar roof and reverse registers'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l unit -x -d 'property E1, one of 00 to 04 and 0A to 0D'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l d3 -x -d 'coefficient, property D3, 1 to 999999'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l digits -x -d 'digits of the registers, property D7'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l release -xka "F R" -d 'release of the standard that the meter follows'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l history2 -xka "0 1" -d 'the meter has history 2, properties EC and ED'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l echo -xka "0 1" -d 'the module echoes commands from the start'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l hex -xka "0 1" -d 'payloads in hex'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l baud -x -d 'speed of the module'"'"'s UART'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l fast -d 'no waiting: scan, join and answers take no time'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l speed -x -d 'the meter'"'"'s clock runs that many times faster'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l start -x -d 'the meter'"'"'s time at the start'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l seed -x -d 'another number is another house and other luck'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l id -x -d 'B-route id to expect, 32 characters'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l password -x -d 'B-route password to expect'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l mac -x -d 'MAC address of the meter'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l channel -x -d 'radio channel of the meter, in hex'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l panid -x -d 'PAN ID of the meter, in hex'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l meters -x -d 'meters within reach, each with its own id'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l fault -xka "chunk1 crlf-split glued-echo unsolicited er04-ropt er05 er10-send no-session-er10 er10-join hang-data cut-line half-line late-ropt hang stuck mute reset unplug ev21-02only ev21-02-00 ev21-01 ev21-missing absent faint late-beacon foreign-pan household forged join-24 rejoin-refused silent-session ev26 ev27 ev28 reauth-25 reauth-24 ev29-25 ev29-24 ev29-nothing ev32 ev32-only silent address-change lost late duplicate wrong-tid truncated garbage interleaved overlap no-d5 sna-partial sna-empty sna-short opc-silent opc-sna no-data no-data-live sparse no-minutes short-minutes midnight rollover no-notify moved replaced exchange payload-0d0a infc-repeat setget" -d faults
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l notify -xka "inf infc none" -d 'half-hourly notification'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l notify-delay -x -d 'from the half hour to its notification'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l loss -x -d 'probability that an answer is lost'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l rtt -x -d 'fixed time from request to answer'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l join -x -d 'fixed time from SKJOIN to EVENT 25'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -l lifetime -x -d 'lifetime of a session'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using emulate' -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using; and test $_shtab_hems_data_collector_npos -eq 0' -a decode -d 'what frames and captured serial lines say, offline'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using decode' -l json -d 'one JSON object a line'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using decode' -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using decode; and test $_shtab_hems_data_collector_npos -ge 0' -ka "(__fish_complete_path (commandline -ct))" -d 'frames in hex, names of files, or - for standard input'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using; and test $_shtab_hems_data_collector_npos -eq 0' -a record -d 'what goes over the wire, without secrets, into a file that --port replay:FILE plays again'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using record' -l seconds -x -d 'record for so long, with one reading a minute'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using record' -l keep-identity -d 'leave serial number and addresses of the meter as they are'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using record' -l port -xka "(_hems_ports)" -d 'the Wi-SUN stick: a device path, socket://HOST:PORT, rfc2217://HOST:PORT, esphome://HOST, or emulator:'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using record' -l baudrate -xka "115200 57600 38400 19200 9600" -d 'speed of the serial port in bit/s'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using record' -l local-timezone -xka "(_hems_zones)" -d 'time zone of the meter'"'"'s clock, of cron expressions and of the times in the log'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using record' -l debug -d 'log every line of the wire, without secrets'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using record' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'settings file in TOML'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using record' -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using record; and test $_shtab_hems_data_collector_npos -eq 0' -ka "(__fish_complete_path (commandline -ct))" -d 'the transcript to be written'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using; and test $_shtab_hems_data_collector_npos -eq 0' -a history -d 'what was used: half hours of a day, days of a month; a table, CSV or JSON'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using history' -l day -xka "today yesterday" -d 'one day: 2026-01-15, today, yesterday'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using history' -l month -x -d 'one month: 2026-01'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using history' -l from -xka "today yesterday" -d 'from this day or time on'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using history' -l to -xka "today yesterday" -d 'until the end of this day, or until this time'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using history' -l all -d 'everything there is'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using history' -l meter -x -d 'of this meter, where there are several'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using history' -l format -s f -xka "csv json" -d 'lines for programs'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using history' -l local-timezone -xka "(_hems_zones)" -d 'time zone of the meter'"'"'s clock, of cron expressions and of the times in the log'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using history' -l database -xka "(__fish_complete_path (commandline -ct))" -d 'where readings and half hours are kept'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using history' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'settings file in TOML'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using history' -l debug -d 'show where in the program a bug is'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using history' -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using; and test $_shtab_hems_data_collector_npos -eq 0' -a export -d 'everything that is stored, as CSV, JSON or Parquet'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using export' -l from -xka "today yesterday" -d 'from this day or time on'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using export' -l to -xka "today yesterday" -d 'until the end of this day, or until this time'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using export' -l meter -x -d 'of this meter only, where there are several'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using export' -l format -s f -xka "csv json parquet" -d 'csv, json'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using export' -l file -xka "(__fish_complete_path (commandline -ct))" -d 'write to FILE instead of standard output'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using export' -l local-timezone -xka "(_hems_zones)" -d 'time zone of the meter'"'"'s clock, of cron expressions and of the times in the log'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using export' -l database -xka "(__fish_complete_path (commandline -ct))" -d 'where readings and half hours are kept'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using export' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'settings file in TOML'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using export' -l debug -d 'show where in the program a bug is'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using export' -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using export; and test $_shtab_hems_data_collector_npos -eq 0' -ka "readings half-hours minutes" -d 'readings, half-hours or minutes'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using; and test $_shtab_hems_data_collector_npos -eq 0' -a backfill -d 'read now what the meter remembers of the last 99 days and the store lacks'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using backfill' -l port -xka "(_hems_ports)" -d 'the Wi-SUN stick: a device path, socket://HOST:PORT, rfc2217://HOST:PORT, esphome://HOST, or emulator:'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using backfill' -l baudrate -xka "115200 57600 38400 19200 9600" -d 'speed of the serial port in bit/s'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using backfill' -l meter-channel -x -d 'radio channel of the meter, hexadecimal 21 to 3C'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using backfill' -l meter-panid -x -d 'PAN id of the meter, hexadecimal 0000 to FFFF'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using backfill' -l meter-ipv6 -x -d 'IPv6 address of the meter'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using backfill' -l local-timezone -xka "(_hems_zones)" -d 'time zone of the meter'"'"'s clock, of cron expressions and of the times in the log'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using backfill' -l database -xka "(__fish_complete_path (commandline -ct))" -d 'where readings and half hours are kept'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using backfill' -l backfill-spacing -x -d 'seconds between two requests for the meter'"'"'s history, which is read in the background'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using backfill' -l debug -d 'log every line of the wire, without secrets'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using backfill' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'settings file in TOML'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using backfill' -l meter -x -d 'this one of several meters'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using backfill' -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using; and test $_shtab_hems_data_collector_npos -eq 0' -a status -d 'what is stored and how the collector is doing'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using status' -l json -d 'one JSON object'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using status' -l running -d 'show nothing: end with 0 where a collector runs and answers, with 1 where none does'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using status' -l local-timezone -xka "(_hems_zones)" -d 'time zone of the meter'"'"'s clock, of cron expressions and of the times in the log'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using status' -l database -xka "(__fish_complete_path (commandline -ct))" -d 'where readings and half hours are kept'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using status' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'settings file in TOML'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using status' -l debug -d 'show where in the program a bug is'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using status' -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using; and test $_shtab_hems_data_collector_npos -eq 0' -a outputs -d 'state of each output: health, waiting records, dead letters'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using outputs' -l json -d 'one JSON object a line'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using outputs' -l local-timezone -xka "(_hems_zones)" -d 'time zone of the meter'"'"'s clock, of cron expressions and of the times in the log'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using outputs' -l database -xka "(__fish_complete_path (commandline -ct))" -d 'where readings and half hours are kept'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using outputs' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'settings file in TOML'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using outputs' -l debug -d 'show where in the program a bug is'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using outputs' -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using; and test $_shtab_hems_data_collector_npos -eq 0' -a replay -d 'send stored records once more to one output'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using replay' -l output -s o -xka "stdout file webhook gcloud" -d 'the output that gets them'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using replay' -l from -xka "today yesterday" -d 'from this day or time on'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using replay' -l to -xka "today yesterday" -d 'until the end of this day, or until this time'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using replay' -l local-timezone -xka "(_hems_zones)" -d 'time zone of the meter'"'"'s clock, of cron expressions and of the times in the log'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using replay' -l database -xka "(__fish_complete_path (commandline -ct))" -d 'where readings and half hours are kept'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using replay' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'settings file in TOML'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using replay' -l debug -d 'show where in the program a bug is'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using replay' -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using; and test $_shtab_hems_data_collector_npos -eq 0' -a dead-letters -d 'records that an output refused: list, replay or drop them'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using dead-letters' -l output -s o -xka "stdout file webhook gcloud" -d 'those of this output'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using dead-letters' -l seq -x -d 'these only, by the number that list shows'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using dead-letters' -l json -d 'list one JSON object a line, with the record itself'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using dead-letters' -l local-timezone -xka "(_hems_zones)" -d 'time zone of the meter'"'"'s clock, of cron expressions and of the times in the log'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using dead-letters' -l database -xka "(__fish_complete_path (commandline -ct))" -d 'where readings and half hours are kept'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using dead-letters' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'settings file in TOML'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using dead-letters' -l debug -d 'show where in the program a bug is'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using dead-letters' -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using dead-letters; and test $_shtab_hems_data_collector_npos -eq 0' -ka "list replay drop" -d 'list them, send them once more, or give them up for this output'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using; and test $_shtab_hems_data_collector_npos -eq 0' -a check -d 'is the database sound and complete; bring back the data of a damaged one'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using check' -l salvage -xka "(__fish_complete_path (commandline -ct))" -d 'first bring back the data of FILE, or of every file that was set aside beside the database'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using check' -l json -d 'one JSON object, with every disagreement'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using check' -l local-timezone -xka "(_hems_zones)" -d 'time zone of the meter'"'"'s clock, of cron expressions and of the times in the log'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using check' -l database -xka "(__fish_complete_path (commandline -ct))" -d 'where readings and half hours are kept'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using check' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'settings file in TOML'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using check' -l debug -d 'show where in the program a bug is'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using check' -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using; and test $_shtab_hems_data_collector_npos -eq 0' -a doctor -d 'something does not work: finds out what, from the cable to the last output, and says what to do'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l json -d 'one JSON object at the end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l report -xka "(__fish_complete_path (commandline -ct))" -d 'write all of it to FILE too, with versions, settings and log but no secrets, to show it to others'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l meter -x -d 'this one of several meters'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -s o -l output -xka "stdout file webhook gcloud" -d 'where readings go, one or more'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -s f -l format -xka "json yaml csv" -d 'how the outputs stdout and file write'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l port -xka "(_hems_ports)" -d 'the Wi-SUN stick: a device path, socket://HOST:PORT, rfc2217://HOST:PORT, esphome://HOST, or emulator:'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l baudrate -xka "115200 57600 38400 19200 9600" -d 'speed of the serial port in bit/s'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l meter-channel -x -d 'radio channel of the meter, hexadecimal 21 to 3C'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l meter-panid -x -d 'PAN id of the meter, hexadecimal 0000 to FFFF'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l meter-ipv6 -x -d 'IPv6 address of the meter'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l mode -xka "schedule interval" -d 'when to read: by a cron expression, or at a fixed interval'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -s s -l schedule -x -d 'cron expression for the mode schedule: minute hour day month weekday, and at the end seconds if you like'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -s i -l interval -x -d 'seconds from one reading to the next for the mode interval'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l local-timezone -xka "(_hems_zones)" -d 'time zone of the meter'"'"'s clock, of cron expressions and of the times in the log'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l database -xka "(__fish_complete_path (commandline -ct))" -d 'where readings and half hours are kept'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l keep-readings -x -d 'how long readings and minutes are kept: days as 400d, years as 2y, or all'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l half-hours -d 'also send a record for each half hour, those read from the meter'"'"'s history included'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l from -xka "today yesterday" -d 'a new output begins with what was stored at this time, such as 2026-01-15, instead of with the present'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l backfill-spacing -x -d 'seconds between two requests for the meter'"'"'s history, which is read in the background'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l debug -d 'log every line of the wire, without secrets'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l file -xka "(__fish_complete_path (commandline -ct))" -d 'where the output '"'"'file'"'"' writes'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l webhook-url -x -d 'where the output '"'"'webhook'"'"' posts'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l webhook-header -x -d 'one more header of each POST, such as '"'"'Authorization: Bearer ...'"'"''
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l webhook-secret -x -d 'sign each POST by the Standard Webhooks convention: '"'"'whsec_'"'"' and base64 of 24 to 64 random bytes'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l gcp-project -x -d 'project of the output '"'"'gcloud'"'"''
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l gcp-topic -x -d 'topic of the output '"'"'gcloud'"'"''
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l gcp-credentials -xka "(__fish_complete_path (commandline -ct))" -d 'key file for Google Cloud'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l gcp-emulator-host -x -d 'publish to a Pub/Sub emulator, without TLS and credentials'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'settings file in TOML'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using doctor' -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using; and test $_shtab_hems_data_collector_npos -eq 0' -a scan -d 'which meters answer the stick, and how strong their signal is'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using scan' -l json -d 'one JSON object for each meter that answers, a line each'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using scan' -l port -xka "(_hems_ports)" -d 'the Wi-SUN stick: a device path, socket://HOST:PORT, rfc2217://HOST:PORT, esphome://HOST, or emulator:'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using scan' -l baudrate -xka "115200 57600 38400 19200 9600" -d 'speed of the serial port in bit/s'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using scan' -l local-timezone -xka "(_hems_zones)" -d 'time zone of the meter'"'"'s clock, of cron expressions and of the times in the log'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using scan' -l debug -d 'log every line of the wire, without secrets'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using scan' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'settings file in TOML'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using scan' -l meter -x -d 'this one of several meters'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using scan' -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using; and test $_shtab_hems_data_collector_npos -eq 0' -a completion -d 'what makes bash, zsh or fish complete this program'"'"'s verbs, flags and values by TAB'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using completion' -s h -l help -d 'show this help and end'
complete -c hems-data-collector -n '_shtab_hems_data_collector_using completion; and test $_shtab_hems_data_collector_npos -eq 0' -ka "bash zsh fish" -d 'the shell that reads it'
