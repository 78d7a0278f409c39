#!/bin/sh
# Makes libjsonnet.wasm again, out of the reference implementation as it is published on PyPI, with Debian's emscripten
# (made with 3.1.6). Needs network, pip and emcc, and an EM_CONFIG with FROZEN_CACHE = False:
# services/render/jsonnet/lib/build.sh
set -eu
version=0.22.0
sha256=eae5d9bf23c778baad39390f88c13c03b2090dfb5dfa148d6e217df8c1448258
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip download --quiet --no-deps --no-binary :all: "jsonnet==$version"
echo "$sha256  jsonnet-$version.tar.gz" | sha256sum --check --quiet
tar xzf "jsonnet-$version.tar.gz"
cd "jsonnet-$version"
# As setup.py does it.
python3 -c 'print(",".join(map(str, open("stdlib/std.jsonnet", "rb").read())) + ",0")' > core/std.jsonnet.h
em++ -std=c++17 -O2 -DNDEBUG -fwasm-exceptions -I include -I third_party/md5 -I third_party/json -I third_party/rapidyaml \
  -s STANDALONE_WASM -s TOTAL_STACK=4MB -s ALLOW_MEMORY_GROWTH -s MAXIMUM_MEMORY=512MB \
  -s ERROR_ON_UNDEFINED_SYMBOLS=0 --no-entry \
  core/desugarer.cpp core/formatter.cpp core/libjsonnet.cpp core/lexer.cpp core/parser.cpp core/pass.cpp \
  core/path_utils.cpp core/static_analysis.cpp core/string_utils.cpp core/vm.cpp third_party/md5/md5.cpp \
  third_party/rapidyaml/rapidyaml.cpp "$here/interface.cpp" -o "$here/libjsonnet.wasm"
cp LICENSE "$here/LICENSE"
# What it is linked with, and their licences.
{
  for file in third_party/md5/md5.cpp third_party/json/nlohmann/json.hpp; do sed '/\*\//q' "$file"; done
  sed -n '38,60p' third_party/rapidyaml/rapidyaml-0.10.0.hpp
} > "$here/NOTICE"
