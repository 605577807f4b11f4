# The names of the time zones.
function _hems_zones
  echo UTC
  awk '!/^#/ { print $3 }' /usr/share/zoneinfo/zone.tab 2> /dev/null
end
