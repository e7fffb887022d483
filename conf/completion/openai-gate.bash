# bash completion for openai-gate(8); needs nothing but bash. What there is to
# complete is read from "openai-gate --help", so that it is never out of date,
# and the names of policies and services from "openai-gate config --print".

# _openai_gate_names WHAT PROGRAM CONF: the policies, or the services that they
# name. The program and the file are those that have been typed.
_openai_gate_names()
{
	"$2" ${3:+--conf "$3"} config --print 2>/dev/null | case $1 in
	--policy) sed -n 's/^\[policy \(.*\)\]$/\1/p' ;;
	--service) sed -n 's/^pam_services = //p' ;;
	esac
}

_openai_gate()
{
	local program=$1 word=$2 before=$3
	local conf='' command='' synopsis words='' i

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--conf) conf=${COMP_WORDS[++i]} ;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break ;;
		esac
	done
	synopsis=$("$program" --help 2>/dev/null |
	    sed 's/^.* \[--conf PATH\] \[--verbose\] //')
	if [[ -z $command ]]; then
		words="--conf --verbose --help $(sed 's/ .*//' <<<"$synopsis")"
		synopsis="--conf PATH"
	else
		synopsis=$(grep "^$command\( \|\$\)" <<<"$synopsis")
		words=$(grep -o -e '--[a-z][a-z-]*' <<<"$synopsis")
		# As in "cache list | show USER | flush [USER]".
		[[ $before == "$command" ]] &&
		    words+=" $(sed 's/^[a-z-]*//; s/\[[^]]*\]//g; s/--[a-z-]*//g' <<<"$synopsis" |
		    grep -o '\<[a-z][a-z-]*\>')"
	fi

	# What stands behind the word before: NAME in "--policy NAME".
	COMPREPLY=()
	if [[ $synopsis =~ (^|[ \[])"$before "\[?([A-Z]+) ]]; then
		case ${BASH_REMATCH[2]} in
		PATH)
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
			return ;;
		NAME) words=$(_openai_gate_names "$before" "$program" "$conf") ;;
		USER) words=$(compgen -u) ;;
		*) words= ;;
		esac
	elif [[ $synopsis == *"] USER"* && $word != -* ]]; then
		words=$(compgen -u)
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _openai_gate openai-gate
