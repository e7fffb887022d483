# fish completion for openai-gate(8). What there is to complete is read from
# "openai-gate --help", so that it is never out of date, and the names of
# policies and services from "openai-gate config --print".

function __openai_gate_print
    set -l words (commandline -opc)
    set -l conf
    if set -l at (contains -i -- --conf $words)
        set conf --conf $words[(math $at + 1)]
    end
    $words[1] $conf config --print 2>/dev/null
end

function __openai_gate_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l before $words[-1]
    set -l synopses ($words[1] --help 2>/dev/null |
        string replace -r '^.* \[--verbose\] ' '')

    set -l command
    set -l at 2
    while test $at -le (count $words)
        switch $words[$at]
            case --conf
                set at (math $at + 1)
            case '-*'
            case '*'
                set command $words[$at]
                break
        end
        set at (math $at + 1)
    end
    if test -z "$command"
        if test "$before" = --conf
            __fish_complete_path $word
        else
            printf '%s\n' --conf --verbose --help
            string replace -r ' .*' '' -- $synopses
        end
        return
    end

    set -l line (string match -r -- "^$command(?: .*|\$)" $synopses)
    # What stands behind the word before: NAME in "--policy NAME".
    set -l kind (string match -r -- "(?:^|[\[ ])$before \[?([A-Z]+)" "$line")[2]
    switch "$kind:$before"
        case 'PATH:*'
            __fish_complete_path $word
        case 'USER:*'
            __fish_complete_users
        case NAME:--policy
            __openai_gate_print | string replace -rf '^\[policy (.*)\]$' '$1'
        case NAME:--service
            __openai_gate_print | string replace -rf '^pam_services = ' '' |
                string split ' '
        case ':*'
            if string match -q -- '*] USER*' "$line"
                __fish_complete_users
            end
            string match -ra -- '--[a-z][a-z-]*' "$line"
            # As in "cache list | show USER | flush [USER]".
            if test "$before" = "$command"
                string replace -r '^[a-z-]+' '' "$line" |
                    string replace -ra '\[[^]]*\]|--[a-z-]+' '' |
                    string match -ra '\b[a-z][a-z-]*'
            end
    end
end

complete -c openai-gate -f -a '(__openai_gate_complete)'
