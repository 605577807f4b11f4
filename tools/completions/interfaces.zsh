# The network interfaces of this machine.
_hems_interfaces() {
  local -a names
  names=(/sys/class/net/*(N:t))
  compadd -a names
}
