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
