# bash takes ":" and "=" for ends of words. Here "emulator:" is one word, and --port=X the same as --port X.
_hems_data_collector() {
  local -a joined=() words=("${COMP_WORDS[@]:0:COMP_CWORD+1}")
  local rest=$COMP_LINE before='' word glued last
  for word in "${words[@]}"; do
    [[ -z $rest || $rest == [[:space:]]* ]] && glued='' || glued=1
    rest=${rest#"${rest%%[![:space:]]*}"}
    rest=${rest#"$word"}
    last=$((${#joined[@]} - 1))
    if [[ $glued && $word == = && ${joined[last]-} == --* ]]; then
      word=''
      joined+=('')
    elif [[ $glued && $before == '' && last -ge 0 && -z ${joined[last]} ]]; then
      joined[last]=$word
    elif [[ $glued && last -ge 0 && ($word == :* || $before == *:) ]]; then
      joined[last]+=$word
    else
      joined+=("$word")
    fi
    before=$word
  done
  local -a COMP_WORDS=("${joined[@]}")
  local COMP_CWORD=$((${#joined[@]} - 1))
  word=${joined[COMP_CWORD]}
  _shtab_hems_data_collector "$@"
  [[ $word != *:* || $COMP_WORDBREAKS != *:* ]] || COMPREPLY=("${COMPREPLY[@]#"${word%:*}:"}")
  [[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *[:/] ]] || compopt -o nospace 2> /dev/null
  return 0
}
complete -o bashdefault -F _hems_data_collector hems-data-collector
