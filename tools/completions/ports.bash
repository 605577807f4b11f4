# What may stand behind --port: the sticks that are plugged in, and the kinds of addresses.
_hems_ports() {
  case $1 in
    replay:*) compgen -f -P replay: -- "${1#replay:}" ;;
    wifi:*) compgen -W "$(ls /sys/class/net 2> /dev/null)" -P wifi: -- "${1#wifi:}" ;;
    *)
      local path
      for path in /dev/serial/by-id/* /dev/ttyUSB* /dev/ttyACM* /dev/ttyAMA*; do
        [[ -e $path && $path == "$1"* ]] && printf '%s\n' "$path"
      done
      compgen -W 'emulator: wifi: replay: socket:// rfc2217:// esphome://' -- "$1"
      ;;
  esac
}
