#!/usr/bin/python3
"""Bugs planted in the code that decides, one at a time: the oracle's cases
(16-oracle.t) notice each."""

import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import cases
import jail
from tap import done_testing, is_, note, ok

BUILD = os.path.join(jail.REPOSITORY, os.environ.get("BUILD") or "build")
POLICY, CHECK, LOOKUP = "meaning/policy.c", "client/check.c", "client/lookup.c"
IDENTITY, CONFIG, REASON, TEXT = "meaning/identity.c", "meaning/config.c", "value/reason.c", "value/text.c"
WORKERS = 2

# What is wrong, in which file, and the text that stands there once: before, after.
MUTANTS = (
    ("a project line wants all of its projects", POLICY,
     "if (project_role_suffices(evaluation->policy,\n\t\t\t    &fact->record))\n\t\t\t\treturn row;\n\t\t\tmember = true;",
     "if (!project_role_suffices(evaluation->policy,\n\t\t\t    &fact->record))\n\t\t\t\tmember = true;"),
    ("one project line is enough", POLICY,
     "for (i = 0; i < policy->project_count; i++)\n\t\tcombine(",
     "for (i = 0; i < policy->project_count && i < 1; i++)\n\t\tcombine("),
    ("the last project line is not judged", POLICY,
     "for (i = 0; i < policy->project_count; i++)\n\t\tcombine(",
     "for (i = 0; i + 1 < policy->project_count; i++)\n\t\tcombine("),
    ("the last project of a line is not judged", POLICY,
     "member = false;\n\tall = met;\n\tfor (i = 0; i < line->count; i++) {",
     "member = false;\n\tall = met;\n\tfor (i = 0; i + (line->count > 1) < line->count; i++) {"),
    ("group lines are not judged", POLICY,
     "for (i = 0; i < policy->group_count; i++)\n\t\tcombine(",
     "for (i = 0; i + policy->group_count < i; i++)\n\t\tcombine("),
    ("one group line is enough", POLICY,
     "for (i = 0; i < policy->group_count; i++)\n\t\tcombine(",
     "for (i = 0; i < policy->group_count && i < 1; i++)\n\t\tcombine("),
    ("an unknown group is no group", POLICY,
     "return row;\n\t\tif (row.outcome != DENIED)\n\t\t\tcombine(&all, row);",
     "return row;"),
    ("an unknown project is no project", POLICY,
     "} else if (row.outcome != DENIED) {", "} else if (row.outcome == WANTED) {"),
    ("the project role may come from the wrong project", POLICY,
     "return row;\n\t\t\tmember = true;", "return row;\n\t\t\tif (member)\n\t\t\t\treturn row;\n\t\t\tmember = true;"),
    ("the project role is not asked for", POLICY,
     "return policy->project_role.count == 0 ||", "return policy->project_role.count < 100 ||"),
    ("the project role is that of the organization", POLICY,
     "&fact->record))\n\t\t\t\treturn row;", "evaluation->user != NULL ?\n\t\t\t    evaluation->user : &fact->record))\n\t\t\t\treturn row;"),
    ("a wrong project role is told as no project", POLICY,
     "member ? OG_PROJECT_ROLE : OG_PROJECT", "OG_PROJECT"),
    ("owner_is_member whatever the role", POLICY,
     "if (evaluation->user != NULL &&\n\t    strcmp(evaluation->user->role, \"owner\") == 0)", "if (evaluation->user != NULL)"),
    ("owner_is_member always", POLICY,
     "if (!evaluation->policy->owner_is_member)\n\t\treturn projects;", ""),
    ("owner_is_member never", POLICY,
     "if (!evaluation->policy->owner_is_member)\n\t\treturn projects;", "return projects;"),
    ("an owner is perhaps one only while he is asked for", POLICY,
     "(user.outcome == WANTED || user.outcome == UNKNOWN)", "user.outcome == WANTED"),
    ("a disabled account passes", POLICY, "if (user->disabled)", "if (user->disabled && user->ambiguous)"),
    ("a service account passes", POLICY, "user->service_account && !policy->allow_service_accounts",
     "user->service_account && !policy->allow_service_accounts &&\n\t    user->role[0] != '\\0'"),
    ("a service account never passes", POLICY, "user->service_account && !policy->allow_service_accounts",
     "user->service_account"),
    ("a service account that may pass may be disabled", POLICY,
     "if (user->disabled)", "if (user->disabled && !(user->service_account &&\n\t    policy->allow_service_accounts))"),
    ("the role is not asked for where there are projects", POLICY,
     "if (policy->role.count > 0 &&", "if (policy->role.count > 0 && policy->project_count == 0 &&"),
    ("who has no role passes", POLICY,
     "!og_words_have(&policy->role, user->role))", "user->role[0] != '\\0' &&\n\t    !og_words_have(&policy->role, user->role))"),
    ("role before account", POLICY,
     "if (user->disabled)\n\t\treturn judged(DENIED, OG_ACCOUNT_DISABLED);",
     "if (policy->role.count > 0 && !og_words_have(&policy->role, user->role))\n\t\treturn judged(DENIED, OG_ROLE);\n"
     "\tif (user->disabled)\n\t\treturn judged(DENIED, OG_ACCOUNT_DISABLED);"),
    ("a failure is an absence", POLICY, "return judged(UNKNOWN, fact->failure);", "return judged(DENIED, OG_NOT_A_MEMBER);"),
    ("only the user is asked for at first", POLICY,
     "for (i = 0; i < policy->project_count; i++) {\n\t\tline",
     "for (i = 0; i < policy->project_count && user.outcome != WANTED; i++) {\n\t\tline"),
    ("a fresh answer is asked for again", CHECK, "check->seen.count--;\n\t\treturn true;", "known->state = OG_FACT_WANTED;\n\t\t*fact = *known;\n\t\treturn false;"),
    ("a refused key is a membership", POLICY, "case OG_MISCONFIGURED:\n", "case OG_MISCONFIGURED:\n\t\t\treturn met;\n"),
    ("any failure's reason is believed", POLICY,
     "case OG_DENY:\n\t\tcase OG_ALLOW:\n\t\tcase OG_EXEMPT:\n\t\t\tbreak;",
     "case OG_DENY:\n\t\tcase OG_ALLOW:\n\t\tcase OG_EXEMPT:\n\t\t\treturn judged(UNKNOWN, fact->failure);"),
    ("an ambiguous row counts", POLICY, "fact->record.ambiguous ||\n\t\t    !is_subject", "!is_subject"),
    ("somebody else's row counts", POLICY, "fact->record.ambiguous ||\n\t\t    !is_subject(evaluation, &fact->record)",
     "fact->record.ambiguous"),
    ("somebody else's row is an absence", POLICY,
     "!is_subject(evaluation, &fact->record))\n\t\t\treturn judged(UNKNOWN, OG_PROTOCOL);",
     "!is_subject(evaluation, &fact->record))\n\t\t\treturn judged(DENIED, OG_PROJECT);"),
    ("a row without an address is anybody's", POLICY,
     "return evaluation->user != NULL && record->id[0] != '\\0' &&\n\t    strcmp(record->id, evaluation->user->id) == 0;",
     "return evaluation->user != NULL;"),
    ("addresses are compared with their case", POLICY,
     "og_equal_folded(record->email, subject->text)", "strcmp(record->email, subject->text) == 0"),
    ("ids are compared without their case", POLICY,
     "return strcmp(record->id, subject->text) == 0;", "return og_equal_folded(record->id, subject->text);"),
    ("ids are compared by their start", POLICY,
     "return strcmp(record->id, subject->text) == 0;",
     "return strncmp(record->id, subject->text, strlen(subject->text)) == 0;"),
    ("unknown wins over a certain denial", POLICY, "DENIED = 0,\n\tWANTED,\n\tUNKNOWN,\n", "WANTED = 0,\n\tUNKNOWN,\n\tDENIED,\n"),
    ("the last reason wins", POLICY, "one.outcome < all->outcome", "one.outcome <= all->outcome"),
    ("unknown is good enough", POLICY, "case UNKNOWN:\n\t\tdecision->reason = all.reason;\n\t\tbreak;",
     "case UNKNOWN:\n\t\tdecision->reason = all.reason == OG_STORE ? OG_PASS : all.reason;\n\t\tbreak;"),
    ("anybody invited is invited", POLICY, "row.outcome == MET ? OG_INVITE_PENDING", "row.outcome != DENIED ? OG_INVITE_PENDING"),
    ("an invitation is enough", POLICY, "row.outcome == MET ? OG_INVITE_PENDING", "row.outcome == MET ? OG_PASS"),
    ("an invitation is not told", POLICY, "row.outcome == MET ? OG_INVITE_PENDING :\n\t    OG_NOT_A_MEMBER", "OG_NOT_A_MEMBER"),
    ("who is not in the organization may be in the group", POLICY,
     "if (user->outcome == DENIED)\n\t\treturn judge_invite(evaluation);",
     "if (user->outcome == DENIED && evaluation->policy->group_count == 0)\n\t\treturn judge_invite(evaluation);\n"
     "\tif (user->outcome == DENIED)\n\t\t*user = met;"),
    ("a stale answer of the store is fresh", CHECK, "OG_AGE_FRESH) {", "OG_AGE_FRESH || known->stale) {"),
    ("an expired answer serves on error", CHECK, "if (fact->stale) {", "if (fact->stale || fact->fetched_at != 0) {"),
    ("nothing serves on error", CHECK, "if (fact->stale) {", "if (fact->stale && fact->fetched_at == 0) {"),
    ("a refused key lets nothing serve stale", CHECK, "if (fact->stale) {",
     "if (fact->stale && answer->failure != OG_CREDENTIAL) {"),
    ("the API's absence lets a stale answer serve", CHECK,
     "case OG_AGE_FRESH:\n\t\tsettle_fresh(",
     "case OG_AGE_FRESH:\n\t\tif (answer->state == OG_FACT_ABSENT && fact->stale)\n\t\t\tbreak;\n\t\tsettle_fresh("),
    ("what is not answered is absent", CHECK, "none.state = OG_FACT_FAILED;\n\tnone.failure = OG_PROTOCOL;",
     "none.state = OG_FACT_ABSENT;"),
    ("an answer is taken for another query", CHECK,
     "if (og_query_equal(&answer[j].query,\n\t\t\t    &check->facts.item[i].query))\n\t\t\t\tbreak;",
     "if (answer[j].query.kind == check->facts.item[i].query.kind)\n\t\t\t\tbreak;"),
    ("with nobody to ask, the reason is lost", CHECK, "failed.failure = reason;", "failed.failure = OG_NOT_A_MEMBER;"),
    ("ttl is served a second too long", LOOKUP, "if (age < conf->ttl)", "if (age <= conf->ttl)"),
    ("stale_ttl is served a second too long", LOOKUP, "if (age < og_config_limit(conf))", "if (age <= og_config_limit(conf))"),
    ("stale_ttl counts from the start", CONFIG, "return conf->ttl + conf->stale_ttl;", "return conf->stale_ttl;"),
    ("an older list serves while it is fresh", LOOKUP, "if (age == OG_AGE_FRESH && !outdated)", "if (age == OG_AGE_FRESH)"),
    ("ttl is the end", CONFIG, "return conf->ttl + conf->stale_ttl;", "return conf->ttl;"),
    ("negative_ttl is served a second too long", LOOKUP, "return age < og_negative_ttl(conf)",
     "return age <= og_negative_ttl(conf)"),
    ("a negative answer is fresh for ttl", LOOKUP, "conf->base_url != NULL ? conf->negative_ttl : conf->ttl", "conf->ttl"),
    ("a negative answer of a mirror is fresh for negative_ttl", LOOKUP,
     "conf->base_url != NULL ? conf->negative_ttl : conf->ttl", "conf->negative_ttl"),
    ("a negative answer serves stale", LOOKUP, "case OG_FACT_ABSENT:\n", "case OG_FACT_ABSENT:\n\t\tif (age >= og_negative_ttl(conf) &&\n\t\t    age < conf->ttl + conf->stale_ttl)\n\t\t\treturn OG_AGE_STALE;\n"),
    ("the older answer counts", LOOKUP, "other->fetched_at > best->fetched_at", "other->fetched_at < best->fetched_at"),
    ("what was found outlives that it is gone", LOOKUP,
     "if (other->state != OG_FACT_FOUND && other->state != OG_FACT_ABSENT)", "if (other->state != OG_FACT_FOUND)"),
    ("a name's first letter may be anything", IDENTITY, "|| name[0] == '-')", ")"),
    ("a name may hold a slash", IDENTITY, "name[i] == ' ' || name[i] == '/' ||", "name[i] == ' ' ||"),
    ("a name of any length", IDENTITY, "len == 0 || len > OG_NAME_MAX", "len == 0"),
    ("a name may bring its own domain", IDENTITY, "if (memchr(name, '@', len) != NULL)\n\t\treturn OG_BAD_NAME;", ""),
    ("two @ in an address", IDENTITY, "at == name + len - 1 ||\n\t    memrchr(name, '@', len) != at)", "at == name + len - 1)"),
    ("the template wins over the map", IDENTITY, "if (line != NULL) {", "if (line != NULL && template == NULL) {"),
    ("words are compared by their start", CONFIG, "if (strcmp(words->item[i], word) == 0)",
     "if (strncmp(words->item[i], word, strlen(words->item[i])) == 0)"),
    ("the last word of a line is not seen", CONFIG,
     "for (i = 0; i < words->count; i++) {", "for (i = 0; i + 1 < words->count + (words->count == 1); i++) {"),
    ("a refused key allows", REASON, "[OG_CREDENTIAL] = { OG_MISCONFIGURED,", "[OG_CREDENTIAL] = { OG_ALLOW,"),
    ("out of memory is exempt", REASON, "[OG_NO_MEMORY] = { OG_OUT_OF_MEMORY,", "[OG_NO_MEMORY] = { OG_EXEMPT,"),
    ("addresses are compared up to the end of one", TEXT, "return fold_char(*a) == fold_char(*b);\n",
     "return *b == '\\0' || fold_char(*a) == fold_char(*b);\n"),
    ("addresses are not folded", TEXT, "*text = fold_char(*text);", "*text = *text;"),
)


def source_of(path):
    with open(os.path.join(jail.REPOSITORY, "common", path), encoding="utf-8") as file:
        return file.read()


def plant(directory, path, before, after):
    """The program with that bug in it."""
    mutant = os.path.join(directory, os.path.basename(path))
    with open(mutant, "w", encoding="utf-8") as file:
        file.write(source_of(path).replace(before, after))
    program = os.path.join(directory, "decide")
    # The object comes before the library, which has the sound one.
    subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", f"-I{jail.REPOSITORY}/common", "-O1", "-w",
                    "-o", program, f"{BUILD}/obj/tests/lib/decide.o", mutant, f"{BUILD}/libgate.a"], check=True)
    return program


def noticed(batches, path, before, after):
    """Which family notices first, and how many of its cases."""
    directory = tempfile.mkdtemp(prefix="mutant-")
    try:
        program = plant(directory, path, before, after)
        for name, batch in batches:
            wrong = batch.run(program)
            if wrong:
                return f"{name}: {len(wrong)}, as {wrong[0][2]} for {wrong[0][3]}"
        return None
    finally:
        shutil.rmtree(directory)


# First: a text that has changed is told of all at once, not one a run.
is_([f"{path} has {source_of(path).count(before)} times: {before}" for _, path, before, _ in MUTANTS
     if source_of(path).count(before) != 1], [], "each bug's place is found")
batches = [(name, cases.batch(family)) for name, family in cases.FAMILIES]
batches.append(("local names", cases.identities()))
is_([name for name, batch in batches if batch.run(f"{BUILD}/decide")], [], "without a bug nothing is noticed")
with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
    found = [(what, pool.submit(noticed, batches, *where)) for what, *where in MUTANTS]
    for what, future in found:
        by = future.result()
        ok(by, what)
        note(by)
done_testing()
