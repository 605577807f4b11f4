#!/bin/bash
# The collector as a service of systemd, on Debian and its relatives; docs/service.md.
set -euo pipefail

readonly NAME=hems-data-collector
readonly UNIT=$NAME.service
readonly PREFIX=/opt/$NAME
readonly CURRENT=$PREFIX/current
readonly SETTINGS=/etc/$NAME
readonly STATE=/var/lib/$NAME
readonly UNITS=/etc/systemd/system
readonly RULE=/etc/udev/rules.d/60-$NAME.rules
readonly COMMAND=/usr/local/bin/$NAME
readonly SHARE=/usr/local/share
# What people on this machine get beside the command: the man page, and completion by TAB.
readonly SHARED=(
    "man/man1/$NAME.1"
    "man/ja/man1/$NAME.1"
    "bash-completion/completions/$NAME"
    "zsh/site-functions/_$NAME"
    "fish/vendor_completions.d/$NAME.fish"
)
readonly FOLDERS=$PREFIX/folders # those of SHARE that were not there before
readonly PYTHONS=(3.11 3.12 3.13 3.14)
readonly OLDEST_SYSTEMD=250   # LoadCredential= with a folder
readonly BACK_OFF_SYSTEMD=254 # RestartSteps=
readonly WAIT_S=${HEMS_SERVICE_WAIT:-120}
readonly STEADY_S=3 # a service that ends at once has been "active" too
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here

umask 022
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
changed=
undoing=()
work=

# --- words -------------------------------------------------------------------------------------------------------------

declare -A texts=()

speak() { # the language of HEMS_LANG, else of the locale, here and in what is started from here
    local wanted word from to
    wanted=${LANGUAGE:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}}
    case ${HEMS_LANG:-} in
        [jJ][aA] | [jJ][aA][_.-]* | [eE][nN] | [eE][nN][_.-]*) wanted=$HEMS_LANG ;;
    esac
    export LC_ALL=C.UTF-8 LANGUAGE=C
    for word in ${wanted//:/ }; do
        case ${word,,} in
            ja | ja[_.-]*) LANGUAGE=ja ;;
            en | en[_.-]*) ;;
            *) continue ;;
        esac
        break
    done
    [ -r "$here/packaging/texts.$LANGUAGE" ] || return 0
    while IFS=$'\t' read -r from to; do
        printf -v from %b "$from"
        printf -v to %b "$to"
        texts[$from]=$to
    done < "$here/packaging/texts.$LANGUAGE"
}

text() { # text TEXT [VALUE...]: TEXT in that language, with the values for its %s
    local template=${texts["$1"]-$1}
    shift
    # shellcheck disable=SC2059 # the template is one of ours
    printf -- "$template" "$@"
}

say() { # say [TEXT [VALUE...]]
    [ $# = 0 ] || text "$@"
    echo
}

line() { # line WORD OBJECT: in columns; a character outside ASCII is as wide as two
    local width=${#1}
    [[ $1 != *[!\ -~]* ]] || width=$((2 * width))
    printf '  %s%*s%s\n' "$1" $((11 - width)) '' "$2"
}

did() { # did WORD OBJECT: something was changed
    changed=1
    line "$(text "$1")" "$2"
}

unchanged() { line "$(text 'unchanged')" "$1"; }

fail() { # fail WHAT [REMEDY], in that language
    printf 'service-manager.sh: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf '  %s %s\n' "$(text 'remedy:')" "$2" >&2
    exit 1
}

usage() {
    say 'service-manager.sh install | update | status | uninstall [flags]

install    asks for port, credentials, outputs and time zone; installs, enables and starts the service
update     installs the version of this folder; keeps settings and data; goes back where it does not come up
status     how the service and the collector are doing
uninstall  removes everything; asks whether the readings go too

flags:
  --yes                          ask nothing: flags, environment variables and defaults say it all
  --config FILE                  install, update: begin with the settings of this TOML file
  --ask                          update: ask all questions again
  --delete-data | --keep-data    uninstall: what becomes of the readings
  every flag of the program      install, update: --port, --output, --webhook-url, ...; see hems-data-collector --help

The B-route id and password have no flags: B_ROUTE_ID, B_ROUTE_PASSWORD, or files named by B_ROUTE_ID_FILE and
B_ROUTE_PASSWORD_FILE. To try it without a stick: install --yes --port emulator:'
}

# --- the way back ------------------------------------------------------------------------------------------------------

on_failure() { # on_failure COMMAND...: to be done, the last one first, if something goes wrong later
    undoing+=("$(printf '%q ' "$@")")
}

at_exit() {
    local code=$? number
    trap - EXIT INT TERM HUP
    set +e
    if [ $code -ne 0 ] && [ ${#undoing[@]} -gt 0 ]; then
        [ -z "$changed" ] || say 'Going back to how it was ...'
        for ((number = ${#undoing[@]} - 1; number >= 0; number--)); do
            eval "${undoing[number]}"
        done
    fi
    [ -z "$work" ] || rm -rf "$work"
    exit $code
}

put() { # put SOURCE TARGET MODE OWNER:GROUP: the file, unless it is there already
    local source=$1 target=$2 mode=$3 owner=$4 kept word=written
    if cmp -s "$source" "$target" && [ "$(stat -c '%04a %U:%G' "$target")" = "$mode $owner" ]; then
        unchanged "$target"
        return
    fi
    if [ -e "$target" ]; then
        kept=$(mktemp "$work/kept.XXXXXX")
        cp -a "$target" "$kept"
        on_failure cp -a "$kept" "$target"
    else
        word=created
        on_failure rm -f "$target"
    fi
    install -m "$mode" -o "${owner%:*}" -g "${owner#*:}" "$source" "$target.new"
    mv -f "$target.new" "$target"
    did "$word" "$target"
}

folder() { # folder PATH MODE OWNER:GROUP
    if [ -d "$1" ] && [ "$(stat -c '%04a %U:%G' "$1")" = "$2 $3" ]; then
        return
    fi
    if [ ! -d "$1" ]; then
        on_failure rmdir --ignore-fail-on-non-empty "$1"
        did created "$1"
    fi
    install -d -m "$2" -o "${3%:*}" -g "${3#*:}" "$1"
}

away() { # away FILE: removed, where it is there
    local kept
    [ -e "$1" ] || return 0
    kept=$(mktemp "$work/kept.XXXXXX")
    cp -a "$1" "$kept"
    on_failure cp -a "$kept" "$1"
    rm -f "$1"
    did removed "$1"
}

# --- what is needed ----------------------------------------------------------------------------------------------------

as_root() { # as_root ARGUMENT...: goes on as root, with the variables that answer questions
    [ "$(id -u)" != 0 ] || return 0
    local kept
    command -v sudo > /dev/null || fail "$(text 'this changes the system, and you are not root.')" "$(text 'run it as root')"
    kept=$(compgen -e | grep -E '^(LANGUAGE$|B_ROUTE_|SERIAL_|LOCAL_TIMEZONE|HALF_HOURS|WEBHOOK_|GCP_|GOOGLE_APP|PUBSUB_|HEMS_|PIP_)' |
        paste -sd, -) || true
    exec sudo ${kept:+"--preserve-env=$kept"} -- "$here/service-manager.sh" "$@"
}

needs_systemd() {
    local version
    [ -d /run/systemd/system ] || fail "$(text 'systemd does not run here.')" \
        "$(text 'without it: %s run, from a service manager of your own' "$NAME")"
    version=$(systemctl --version | awk 'NR == 1 { print int($2) }')
    [ "$version" -ge $OLDEST_SYSTEMD ] || fail \
        "$(text 'systemd is %s here; %s or newer is needed.' "$version" "$OLDEST_SYSTEMD")" \
        "$(text 'update the system (Debian 12 has 252)')"
    systemd_version=$version
}

alone() {
    exec 9> "/run/lock/$NAME.install"
    flock -n 9 || fail "$(text 'another service-manager.sh is at work.')" "$(text 'wait for its end')"
    work=$(mktemp -d)
    trap at_exit EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# --- the program -------------------------------------------------------------------------------------------------------

version_id() { # version_id PYTHON: the version, and a sum over everything that is installed with it
    local version sum
    version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/pyproject.toml")
    sum=$({
        cd "$here"
        find src pyproject.toml requirements/run.txt -type f ! -path '*/__pycache__/*' -print0 |
            sort -z | xargs -0 sha256sum
        "$1" -V
    } | sha256sum)
    printf '%s-%s\n' "$version" "${sum:0:12}"
}

build() { # builds the version of this folder beside the others and names it in $version
    local python
    # Not one in somebody's home: the service sees no home folders.
    python=$(env -u PYENV_ROOT HOME=/nonexistent PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        "$here/tools/find-python" "${PYTHONS[@]}") || exit 1
    version=$PREFIX/versions/$(version_id "$python")
    mkdir "$work/source"
    cp -R "$here/src" "$here/pyproject.toml" "$here/README.md" "$here/LICENSE" "$work/source"
    if [ -e "$version/.complete" ]; then
        unchanged "$version"
        return
    fi
    folder "$PREFIX" 0755 root:root
    folder "$PREFIX/versions" 0755 root:root
    say 'Installing into %s; a few minutes on a small machine ...' "$version"
    on_failure rm -rf "$version"
    rm -rf "$version"
    "$python" -m venv "$version"
    "$version/bin/python" -m pip install -qq -r "$here/requirements/run.txt"
    "$version/bin/python" -m pip install -qq --no-deps --no-build-isolation "$work/source"
    touch "$version/.complete" "$version/.extras"
    did created "$version"
}

settings() { # settings VERB ARGUMENT...: packaging/service_settings.py with the Python of the new version
    local verb=$1
    shift
    "$version/bin/python" -B "$here/packaging/service_settings.py" "$verb" "$@"
}

add_extras() { # what outputs and ports need beside the program
    local missing
    missing=$(settings extras "$work/stage" | grep -vxFf "$version/.extras" | paste -sd, -) || true
    [ -n "$missing" ] || return 0
    say 'Installing what %s needs ...' "$missing"
    "$version/bin/python" -m pip install -qq --no-build-isolation -c "$here/requirements/dev.txt" "$work/source[$missing]"
    tr , '\n' <<< "$missing" >> "$version/.extras"
    did added "$missing"
}

# --- the parts of the service ------------------------------------------------------------------------------------------

account() {
    local group
    if getent passwd "$NAME" > /dev/null; then
        unchanged "$(text 'user %s' "$NAME")"
    else
        getent group "$NAME" > /dev/null || { groupadd --system "$NAME" && on_failure groupdel "$NAME"; }
        useradd --system --gid "$NAME" --home-dir "$STATE" --no-create-home --shell /usr/sbin/nologin \
            --comment "Collector of smart meter readings" "$NAME"
        on_failure userdel "$NAME"
        did created "$(text 'user %s' "$NAME")"
    fi
    for group in dialout uucp; do
        getent group $group > /dev/null || continue
        if id -nG "$NAME" | tr ' ' '\n' | grep -qx $group; then
            unchanged "$(text '%s in the group %s' "$NAME" "$group")"
        else
            usermod -aG $group "$NAME"
            on_failure gpasswd -qd "$NAME" $group
            did added "$(text '%s to the group %s' "$NAME" "$group")"
        fi
        return
    done
}

files() {
    local path
    folder "$SETTINGS" 0750 "root:$NAME"
    folder "$SETTINGS/credentials" 0700 root:root
    put "$work/stage/config.toml" "$SETTINGS/config.toml" 0640 "root:$NAME"
    for path in "$work"/stage/credentials/*; do
        put "$path" "$SETTINGS/credentials/$(basename "$path")" 0600 root:root
    done
    put "$here/packaging/systemd/$UNIT" "$UNITS/$UNIT" 0644 root:root
    if [ "$systemd_version" -ge $BACK_OFF_SYSTEMD ]; then
        folder "$UNITS/$UNIT.d" 0755 root:root
        put "$here/packaging/systemd/$UNIT.d/back-off.conf" "$UNITS/$UNIT.d/back-off.conf" 0644 root:root
    fi
    writable_folders
    if [ -d /etc/udev/rules.d ]; then
        put "$here/packaging/udev/60-$NAME.rules" "$RULE" 0644 root:root
    fi
}

writable_folders() { # folders of outputs elsewhere, which the unit keeps the service from
    local path
    settings paths "$work/stage" > "$work/paths"
    if [ ! -s "$work/paths" ]; then
        away "$UNITS/$UNIT.d/paths.conf"
        return
    fi
    printf '[Service]\n' > "$work/paths.conf"
    while IFS= read -r path; do
        case $path/ in
            /home/* | /root/* | /run/user/*)
                fail "$(text 'the service sees no home folders, and %s is one.' "$path")" \
                    "$(text 'write to %s, or to a folder below /srv' "$STATE")" ;;
        esac
        [ -d "$path" ] || fail "$(text 'there is no folder %s.' "$path")" "$(text 'make it: %s' "install -d -o $NAME '$path'")"
        runuser -u "$NAME" -- test -w "$path" || fail "$(text '%s may not write to %s.' "$NAME" "$path")" "chown $NAME '$path'"
        path=${path//%/%%}
        printf 'ReadWritePaths="%s"\n' "${path//\"/\\\"}" >> "$work/paths.conf"
    done < "$work/paths"
    folder "$UNITS/$UNIT.d" 0755 root:root
    put "$work/paths.conf" "$UNITS/$UNIT.d/paths.conf" 0644 root:root
}

link() { # link TARGET PATH: a symbolic link, changed in one step
    if [ "$(readlink "$2" 2> /dev/null)" = "$1" ]; then
        unchanged "$2"
        return
    fi
    if [ -L "$2" ]; then
        on_failure ln -sfn "$(readlink "$2")" "$2"
    else
        on_failure rm -f "$2"
    fi
    ln -sfn "$1" "$2.new"
    mv -fT "$2.new" "$2"
    did linked "$2"
}

the_command() { # the program by name, with man page and completions
    local path
    own_link "$CURRENT/bin/$NAME" "$COMMAND"
    for path in "${SHARED[@]}"; do
        folders "$(dirname "$SHARE/$path")"
        own_link "$CURRENT/share/$path" "$SHARE/$path"
    done
}

own_link() { # own_link TARGET PATH: a link, where nobody else has put something
    if [ -e "$2" ] && [ "$(readlink "$2")" != "$1" ]; then
        say '  %s is something else and stays.' "$2"
        return
    fi
    link "$1" "$2"
}

folders() { # folders PATH: with those above it; noted, so that uninstall takes away what it may
    [ ! -d "$1" ] || return 0
    folders "$(dirname "$1")"
    [ -e "$FOLDERS" ] || on_failure rm -f "$FOLDERS"
    on_failure rmdir --ignore-fail-on-non-empty "$1"
    install -d -m 0755 "$1"
    printf '%s\n' "$1" >> "$FOLDERS"
}

reload_rules() { # udev, where it runs
    [ -S /run/udev/control ] || return 0
    udevadm control --reload || true
    udevadm trigger --subsystem-match=tty --action=change || true
}

# --- starting and going back -------------------------------------------------------------------------------------------

property() { systemctl show --property "$1" --value "$UNIT"; }

comes_up() { # whether the service just started gets ready and stays so
    local end=$((SECONDS + WAIT_S)) steady=0
    while [ $SECONDS -lt $end ]; do
        case $(property ActiveState) in
            active)
                steady=$((steady + 1))
                [ $steady -le $STEADY_S ] || return 0
                ;;
            activating) [ "$steady$(property SubState)" = 0start ] || return 1 ;;
            *) return 1 ;;
        esac
        sleep 1
    done
    return 1
}

start() {
    systemctl daemon-reload
    systemctl reset-failed "$UNIT" 2> /dev/null || true
    systemctl start --no-block "$UNIT"
    comes_up
}

start_or_fail() {
    local since
    since=$(date '+%Y-%m-%d %H:%M:%S')
    on_failure systemctl stop "$UNIT"
    say 'Starting ...'
    start && return
    say 'The service does not come up (%s, exit code %s). It says:' "$(property Result)" "$(property ExecMainStatus)"
    journalctl --unit "$UNIT" --since "$since" --lines 15 --no-pager --output cat || true
    fail "$(text 'the new version or its settings do not work.')" "$(text 'see the lines above')"
}

old_service() { # the end of going back: the service as it was found
    [ -n "$stopped" ] || return 0
    systemctl daemon-reload
    [ "$was" = active ] || return 0
    if start; then
        say 'The version from before is running again.'
    else
        say 'The version from before does not come up either; see: journalctl -u %s' "$NAME"
    fi
}

keep_database() { # before a version that makes another schema of it; the old one could not read that
    local path version_now newest copy
    { read -r path && read -r version_now && read -r newest; } < <(settings schema "$work/stage")
    if [ "$version_now" = 0 ] || [ "$version_now" = "$newest" ]; then
        return
    fi
    copy=$path.before-update
    rm -f "$copy" "$copy-wal"
    on_failure rm -f "$copy" "$copy-wal"
    cp -a --reflink=auto "$path" "$copy"
    [ ! -e "$path-wal" ] || cp -a --reflink=auto "$path-wal" "$copy-wal"
    on_failure old_database "$path" "$version_now"
    kept_database=$copy
}

old_database() { # old_database PATH SCHEMA: back to the copy, where the new version has made another schema
    local now
    { read -r _ && read -r now; } < <(settings schema "$work/stage")
    if [ "$now" != "$2" ]; then
        rm -f "$1-wal" "$1-shm"
        mv -f "$1.before-update" "$1"
        [ ! -e "$1.before-update-wal" ] || mv -f "$1.before-update-wal" "$1-wal"
        say 'The database is the one from before.'
    fi
}

# --- verbs -------------------------------------------------------------------------------------------------------------

deploy() { # deploy ARGUMENT...: the version of this folder with settings from these arguments
    local before asked=()
    was=$(property ActiveState)
    stopped=
    kept_database=
    before=$(readlink "$CURRENT" || true)
    on_failure old_service
    [ -d "$STATE" ] || on_failure rm -rf "$STATE"
    build
    [ ! -e "$SETTINGS/config.toml" ] || asked=(--existing "$SETTINGS/config.toml")
    settings ask --into "$work/stage" "${asked[@]}" "$@" || exit $?
    add_extras
    settings check "$work/stage" || exit $?
    account
    files
    if [ -z "$changed" ] && [ "$before" = "$version" ] && [ "$was" = active ]; then
        the_command
        say 'unchanged: %s runs with this version and these settings.' "$NAME"
        undoing=()
        return
    fi
    stopped=1
    systemctl stop "$UNIT" 2> /dev/null || true
    keep_database
    link "$version" "$CURRENT"
    the_command
    reload_rules
    start_or_fail
    if ! systemctl is-enabled --quiet "$UNIT"; then
        systemctl enable --quiet "$UNIT"
        did enabled "$UNIT"
    fi
    undoing=()
    [ -z "$kept_database" ] || rm -f "$kept_database" "$kept_database-wal"
    forget_versions "$before"
    say 'Running: %s' "$(property StatusText)"
}

forget_versions() { # forget_versions BEFORE: all but the one that runs and the one from before
    local path
    for path in "$PREFIX"/versions/*; do
        if [ "$path" != "$version" ] && [ "$path" != "$1" ]; then
            rm -rf "$path"
            did removed "$path"
        fi
    done
}

install_service() {
    needs_systemd
    as_root install "$@"
    alone
    say 'Installing %s:' "$NAME"
    deploy "$@"
    say 'Settings: %s. Log: journalctl -u %s. State: service-manager.sh status' "$SETTINGS/config.toml" "$NAME"
}

update_service() {
    local argument quiet=--changes-only given=()
    needs_systemd
    as_root update "$@"
    alone
    if [ ! -e "$SETTINGS/config.toml" ] || [ ! -L "$CURRENT" ]; then
        fail "$(text '%s is not installed.' "$NAME")" 'service-manager.sh install'
    fi
    for argument in "$@"; do
        if [ "$argument" = --ask ]; then quiet=; else given+=("$argument"); fi
    done
    say 'Updating %s:' "$NAME"
    deploy ${quiet:+"$quiet"} "${given[@]}"
}

status_of_service() {
    local code=0
    [ $# = 0 ] || fail "$(text 'status takes no flags.')"
    if [ ! -e "$UNITS/$UNIT" ]; then
        say '%s is not installed.' "$NAME"
        exit 4
    fi
    systemctl status --no-pager --lines 5 "$UNIT" || code=$?
    cd /
    say
    if [ "$(id -u)" = 0 ]; then
        runuser -u "$NAME" -- "$CURRENT/bin/$NAME" status --config "$SETTINGS/config.toml" || true
    else
        say 'What is stored and delivered is for root to see: sudo service-manager.sh status'
    fi
    exit $code
}

own_link_away() { # own_link_away TARGET PATH: undoes own_link
    if [ "$(readlink "$2")" = "$1" ]; then
        rm -f "$2"
        did removed "$2"
    fi
}

uninstall_service() {
    local flag path number made=() yes='' data='' answer=''
    for flag in "$@"; do
        case $flag in
            --yes) yes=1 ;;
            --delete-data) data=delete ;;
            --keep-data) data=keep ;;
            *) fail "$(text 'uninstall does not know %s.' "$flag")" '--yes, --delete-data, --keep-data' ;;
        esac
    done
    needs_systemd
    as_root uninstall "$@"
    alone
    if [ -z "$data" ] && [ -z "$yes" ] && [ -t 0 ] && [ -d "$STATE" ]; then
        read -r -p "$(text 'Delete the readings in %s too?' "$STATE") [y/N] " answer
        case $answer in [yY]*) data=delete ;; esac
    fi
    say 'Removing %s:' "$NAME"
    if [ -e "$UNITS/$UNIT" ]; then
        systemctl disable --quiet --now "$UNIT" || true
        systemctl reset-failed "$UNIT" 2> /dev/null || true
    fi
    [ ! -e "$FOLDERS" ] || mapfile -t made < "$FOLDERS"
    for path in "$UNITS/$UNIT" "$UNITS/$UNIT.d" "$RULE" "$SETTINGS" "$PREFIX"; do
        if [ -e "$path" ]; then
            rm -rf "$path"
            did removed "$path"
        fi
    done
    own_link_away "$CURRENT/bin/$NAME" "$COMMAND"
    for path in "${SHARED[@]}"; do
        own_link_away "$CURRENT/share/$path" "$SHARE/$path"
    done
    for ((number = ${#made[@]} - 1; number >= 0; number--)); do
        rmdir "${made[number]}" 2> /dev/null || true # others may have something in it by now
    done
    systemctl daemon-reload
    reload_rules
    if getent passwd "$NAME" > /dev/null; then
        userdel "$NAME"
        did removed "$(text 'user %s' "$NAME")"
    fi
    getent group "$NAME" > /dev/null && groupdel "$NAME"
    if [ "$data" = delete ] && [ -d "$STATE" ]; then
        rm -rf "$STATE"
        did removed "$STATE"
    elif [ -d "$STATE" ]; then
        say '  The readings stay in %s; a new installation goes on with them.' "$STATE"
    fi
    [ -n "$changed" ] || say 'unchanged: nothing was installed.'
}

speak
verb=${1:-}
[ $# = 0 ] || shift
case " $* " in *" --help "* | *" -h "*) verb=--help ;; esac
case $verb in
    install) install_service "$@" ;;
    update) update_service "$@" ;;
    status) status_of_service "$@" ;;
    uninstall) uninstall_service "$@" ;;
    -h | --help) usage ;;
    *)
        usage >&2
        exit 2
        ;;
esac
