#!/usr/bin/env bash
# make_header.sh INCLUDE NEWER: copies the contract's headers and adds what a minor version 1 could: a
# column at the end of throng_batch, which the SDK shows to ratings if the host has it.
set -euo pipefail
rm -rf "$2"
mkdir -p "$(dirname "$2")"
cp -r "$1" "$2"
header=$2/throng/plugin.h rows=$2/throng/sdk/rows.hpp
sed -i 's/^#define THRONG_ABI_MINOR 0.*/#define THRONG_ABI_MINOR 1/
  s/^} throng_batch;/  const int64_t* mood; \/* since 1.1 *\/\n&/' "$header"
sed -i 's/^        extra(b.extra, size) {}/        extra(b.extra, size) {\n    if (THRONG_HAS(\&b, mood)) mood = {b.mood, size};\n  }/
  s/^  Extra extra;.*/&\n  std::span<const int64_t> mood;/' "$rows"
grep -q 'since 1.1' "$header" && [[ $(grep -c mood "$rows") == 2 ]] # the headers still are what is meant here
