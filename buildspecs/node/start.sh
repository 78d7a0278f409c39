#!/bin/sh
# Run {{ RunId }}
# What the SSM agent runs on a node, as root. Nothing is printed but one line, the last.
# The program and what it is told come through pipes: neither is in the arguments of a process.

python=
for candidate in python3 /usr/bin/python3 /usr/local/bin/python3 /usr/bin/python3.[0-9]* /usr/local/bin/python3.[0-9]* \
  /opt/*/bin/python3 "$HOME"/.local/share/pipx/venvs/*/bin/python3 /root/.local/share/pipx/venvs/*/bin/python3; do
  if "$candidate" -I -S -c 'import sys, ssl; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1 </dev/null; then
    python=$candidate
    break
  fi
done

say() {
  printf 'plumbline-node/1 {"sha256":null,"size":null,"exit":null,"hint":null,"problem":"%s","ansible":null,"python":null,"left":null}\n' "$1"
}

if [ -z "$python" ]; then
  say 'Python 3.8 or newer is needed on this node, and none was found: install it, nothing is installed from here'
  exit 1
fi

printf '%s\n' '{{ BundleUrl }}' '{{ BundleSha256 }}' '{{ Key }}' '{{ ExecutionSeconds }}' |
  "$python" -I -B /dev/fd/3 3<<'PLUMBLINE_NODE' 2>/dev/null
@node.py@
PLUMBLINE_NODE
code=$?

# 0: handed over. 20: the program said why not.
case $code in
  0) exit 0 ;;
  20) exit 1 ;;
esac
say "the program of the run could not be started ($code): look whether the disk of the node is full"
exit 1
