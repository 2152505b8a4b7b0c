# Prints `FILE:LINE:TARGET` of every relative link of Markdown files, without its anchor. Code is not looked at.

FNR == 1 { fenced = 0 }
/^[ \t]*(```|~~~)/ { fenced = !fenced }
fenced { next }
{
  text = $0
  gsub(/`[^`]*`/, "", text)
  while (match(text, /(\]\([^()]+(\([^()]*\)[^()]*)*\)|(src|href)="[^"]+")/)) {
    target = substr(text, RSTART, RLENGTH)
    text = substr(text, RSTART + RLENGTH)
    sub(/^(\]\(|(src|href)=")/, "", target)
    sub(/[)"]$/, "", target)
    # A title may follow the target.
    sub(/[ \t]+["'].*$/, "", target)
    gsub(/^<|>$/, "", target)
    sub(/[#?].*$/, "", target)
    if (target != "" && target !~ /^([a-z][a-z0-9+.-]*:|\/\/)/) printf "%s:%d:%s\n", FILENAME, FNR, target
  }
}
