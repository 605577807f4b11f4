# The network interfaces of this machine.
function _hems_interfaces
  ls /sys/class/net 2> /dev/null
end
