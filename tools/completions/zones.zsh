# The names of the time zones.
_hems_zones() {
  local -a zones
  zones=(UTC ${(f)"$(awk '!/^#/ { print $3 }' /usr/share/zoneinfo/zone.tab 2> /dev/null)"})
  compadd -a zones
}
