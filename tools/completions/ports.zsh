# What may stand behind --port: the sticks that are plugged in, and the kinds of addresses.
_hems_ports() {
  local -a sticks kinds
  if compset -P replay:; then
    _files
  elif compset -P wifi:; then
    _net_interfaces
  else
    sticks=(/dev/serial/by-id/*(N) /dev/tty(USB|ACM|AMA)*(N))
    kinds=(emulator: wifi: replay: socket:// rfc2217:// esphome://)
    compadd -a sticks
    compadd -S '' -a kinds
  fi
}
