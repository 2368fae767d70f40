#!/bin/sh
# Loads this machine's Debian package list into K2V, and checks that everything comes back.
#
#   sh client/examples/debian-packages.sh
#
# Partition = section, sort key = package, value = the package's stanza, byte for byte: of the installed packages
# (/var/lib/dpkg/status) and, in partitions that begin with `available/`, of those that apt's lists offer. The variables that
# `troupe dev` prints say where the server is. The script makes two buckets, `debian-packages` and `debian-packages-copy`,
# loads the first one, and exports it into the second. TROUPE and K2V_CLI name the programs if they are not on the PATH.
set -eu

troupe=${TROUPE:-troupe}
cli=${K2V_CLI:-k2v-cli}
copy=debian-packages-copy
export K2V_BUCKET=debian-packages
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

fail() {
    echo "error: $1" >&2
    exit 1
}

# An item a line, as `k2v-cli import` reads them, sorted; and the count of values and bytes.
stanzas_to_items() {
    perl -MMIME::Base64=encode_base64 -e '
        use strict;
        my (%items, $bytes);
        local $/ = "";    # A stanza ends at an empty line.
        while (my $stanza = <STDIN>) {
            $stanza =~ s/\n+\z/\n/;
            my ($package) = $stanza =~ /^Package: *(\S+)/m or next;
            my ($section) = $stanza =~ /^Section: *(\S+)/m;
            # The same package in several lists: the last one stays.
            $items{$ARGV[0] . ($section // "none")}{$package} = $stanza;
        }
        my $json = sub { my $text = shift; $text =~ s/(["\\])/\\$1/g; $text };
        for my $section (keys %items) {
            for my $package (keys %{ $items{$section} }) {
                printf qq({"pk":"%s","sk":"%s","v":["%s"]}\n), $json->($section), $json->($package),
                    encode_base64($items{$section}{$package}, "");
            }
        }
    ' "$1"
}

for bucket in "$K2V_BUCKET" "$copy"; do
    "$troupe" bucket info "$bucket" >/dev/null 2>&1 || "$troupe" bucket create "$bucket" >/dev/null
    "$troupe" bucket allow "$bucket" --read --write --key "$AWS_ACCESS_KEY_ID" >/dev/null
    [ "$("$cli" --bucket "$bucket" du --summarize -o raw)" = 0 ] ||
        fail "the bucket '$bucket' is not empty: \`$cli rm --bucket $bucket --all-partitions --yes\` empties it"
done

stanzas_to_items "" </var/lib/dpkg/status >"$work/unsorted"
for list in /var/lib/apt/lists/*_Packages*; do
    [ -e "$list" ] || continue
    [ -n "${DEBIAN_INSTALLED_ONLY:-}" ] && continue
    # Lists may be compressed in several ways; apt knows them all.
    /usr/lib/apt/apt-helper cat-file "$list" && echo
done | stanzas_to_items "available/" >>"$work/unsorted"
LC_ALL=C sort "$work/unsorted" >"$work/items"
items=$(wc -l <"$work/items")
bytes=$(perl -MMIME::Base64=decode_base64 -ne '$sum += length decode_base64($1) if /"v":\["(.*)"\]/; END { print $sum }' \
    "$work/items")
echo "$items packages, $bytes bytes"

"$cli" import "$work/items"

"$cli" export | LC_ALL=C sort | cmp - "$work/items" || fail "what comes back is not what was written"
echo "every value came back, byte for byte"

[ "$("$cli" du --summarize -o raw)" = "$bytes" ] || fail "du counts other bytes"
echo "du agrees"

"$cli" export | "$cli" --bucket "$copy" import
"$cli" --bucket "$copy" export | LC_ALL=C sort | cmp - "$work/items" || fail "the second bucket differs"
echo "the second bucket has the same content"
