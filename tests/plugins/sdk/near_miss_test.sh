#!/usr/bin/env bash
# near_miss_test.sh COMPILER INCLUDE: near_miss.cc compiles as it is right, and each near miss is an
# error that names the member.
set -euo pipefail
source=$(dirname "${BASH_SOURCE[0]}")/near_miss.cc
compile() { "$1" -std=c++20 -Wall -Wextra -fsyntax-only -I "$2" -DNEAR_MISS="$3" "$source" 2>&1; }
compile "$1" "$2" 0
while read -r number member; do
  if message=$(compile "$1" "$2" "$number"); then
    echo "A wrong $member compiles."
    exit 1
  fi
  grep -q "The member $member must be public, and callable as" <<<"$message" || {
    echo "A wrong $member is no error of its own: $message"
    exit 1
  }
done < <(sed -n 's/^#el*if NEAR_MISS == \([1-9][0-9]*\)  *\/\/ /\1 /p' "$source")
