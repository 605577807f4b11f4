# The names of the time zones.
_hems_zones() {
  compgen -W "UTC $(awk '!/^#/ { print $3 }' /usr/share/zoneinfo/zone.tab 2> /dev/null)" -- "$1"
}
