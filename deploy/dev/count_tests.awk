# Counts test cases over the results of one ./dev test and prints `tests: N passed, N failed, N skipped`.
# Fails when a case failed.
#
# Read in this order: GoogleTest's XML files (one an executable, cases inside), the log of the page's tests, and last
# ctest's own JUnit file. A ctest entry is named after its executable, with `.variant` behind it when an executable has
# several entries. One that wrote no XML (it crashed, or is no GoogleTest) counts as one case; one that failed although
# all its cases passed (a leak at exit, a timeout) counts as one more failure.
#
# Variables: junit and web_log are file names (web_log empty without page tests), web_status the exit status of npm.

function attribute(name,    start, rest) {
  start = index($0, " " name "=\"")
  if (start == 0) return ""
  rest = substr($0, start + length(name) + 3)
  return substr(rest, 1, index(rest, "\"") - 1)
}

# The executable that wrote an XML file; GoogleTest appends _1, _2 when a name is taken.
function executable(file) {
  sub(/^.*\//, "", file)
  sub(/\.xml$/, "", file)
  return file
}

function finish_case() {
  if (!in_case) return
  in_case = 0
  if (case_failed) { failed++; failures_of[program]++ }
  else if (case_skipped) skipped++
  else passed++
}

# A ctest entry is settled when the next begins: why it did not run stands on a line of its own.
function finish_entry() {
  if (entry == "") return
  base = entry
  sub(/\..*$/, "", base)
  has_cases = (base in cases_of) || (entry in cases_of)
  if (entry_status == "run") {
    if (!has_cases) passed++
  } else if (entry_status == "disabled" || (entry_status == "notrun" && entry_reason ~ /^SKIP_/)) {
    if (!has_cases) skipped++
  } else if (failures_of[base] + failures_of[entry] == 0) {
    failed++
    print "failed outside its cases: " entry (entry_reason == "" ? "" : " (" entry_reason ")") > "/dev/stderr"
  }
  entry = ""
}

FNR == 1 {
  finish_case()
  in_text = 0
  program = executable(FILENAME)
  # A second run of the same executable, as of another variant.
  if (FILENAME != junit && FILENAME != web_log) {
    cases_of[program] = 1
    first_run = program
    if (sub(/_[0-9]+$/, "", first_run) && (first_run in cases_of)) program = first_run
  }
}

FILENAME == web_log {
  web_lines++
  # node --test: "# pass 12" or "ℹ pass 12"; vitest: "Tests  1 failed | 12 passed (13)"; Playwright: "  12 passed (3s)".
  if ($2 == "pass" && NF == 3) { web_passed += $3; web_counted = 1 }
  else if ($2 == "fail" && NF == 3) web_failed += $3
  else if (($2 == "skipped" || $2 == "todo") && NF == 3) web_skipped += $3
  else if ($1 == "Tests") {
    web_counted = 1
    for (i = 3; i <= NF; i++) {
      if ($i == "passed") web_passed += $(i - 1)
      else if ($i == "failed") web_failed += $(i - 1)
      else if ($i == "skipped" || $i == "todo") web_skipped += $(i - 1)
    }
  } else if ($1 ~ /^[0-9]+$/ && (NF == 2 || $3 ~ /^\(/)) {
    if ($2 == "passed") { web_passed += $1; web_counted = 1 }
    else if ($2 == "failed") { web_failed += $1; web_counted = 1 }
    else if ($2 == "skipped") web_skipped += $1
  }
  next
}

FILENAME == junit {
  if ($0 ~ /^[ \t]*<testcase /) {
    finish_entry()
    entry = attribute("name")
    entry_status = attribute("status")
    entry_reason = ""
  } else if (entry != "" && $0 ~ /^[ \t]*<(skipped|failure) message=/) {
    entry_reason = attribute("message")
  }
  next
}

# What a test printed stands raw in CDATA, and may look like anything.
in_text { if (/\]\]>/) in_text = 0; next }
/^[ \t]*<testcase / {
  finish_case()
  in_case = 1
  case_failed = 0
  result = attribute("result")
  case_skipped = (result == "skipped" || result == "suppressed" || attribute("status") == "notrun")
}
/^[ \t]*<failure / { case_failed = 1 }
/<!\[CDATA\[/ && !/\]\]>/ { in_text = 1 }

END {
  finish_case()
  finish_entry()
  if (web_log != "") {
    if (web_status != 0 && web_failed == 0) web_failed = 1
    else if (!web_counted && web_lines) web_passed = (web_status == 0)
    passed += web_passed
    failed += web_failed
    skipped += web_skipped
  }
  printf "tests: %d passed, %d failed, %d skipped\n", passed, failed, skipped
  exit failed > 0
}
