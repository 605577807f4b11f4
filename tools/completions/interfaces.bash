# The network interfaces of this machine.
_hems_interfaces() {
  compgen -W "$(ls /sys/class/net 2> /dev/null)" -- "$1"
}
