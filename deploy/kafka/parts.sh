# shellcheck shell=bash disable=SC2034
# Sourced by start, stop, status and tool: where the parts are kept, which processes they are, and
# where their programs come from.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=4.3.1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/throng/kafka-$version
maven=${MAVEN_MIRROR_URL:-https://repo1.maven.org/maven2}
class_path=$(sed "s,.*/,$cache/jars/," "$here/jars.txt" | LC_ALL=C sort | paste -sd :)
# A JVM that is quick to start, and one with Kafka's classes.
java=(java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto)
kafka_java=("${java[@]}" "-Dlog4j2.configurationFile=$here/log4j2.properties" -cp "$class_path")

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# The comment that a script of this folder begins with, without its hashes.
header() {
  sed -n '2,/^[^#]/{s/^# \?//p}' "$0"
}

# Reads --port and --data out of the arguments of stop and status.
read_place() {
  port=9092 data=''
  while (($#)); do
    case $1 in
      --port | --data)
        [[ $# -ge 2 ]] || fail "$1 needs a value."
        printf -v "${1#--}" %s "$2"
        shift 2
        ;;
      --help | -h)
        header
        exit
        ;;
      *) fail "Unknown argument $1. Use --port PORT or --data DIR." ;;
    esac
  done
  default_data
}

default_data() {
  data=$(realpath -m "${data:-${XDG_DATA_HOME:-$HOME/.local/share}/throng/kafka/$port}")
}

# The process id of the part in the folder $1, if it runs. Parts run in their folders, so another process
# that came by the same id is not taken for one.
process_of() {
  local id
  read -r id 2>/dev/null <"$1/pid" || return 1
  [[ /proc/$id/cwd -ef $1 ]] || return 1
  echo "$id"
}

# The folders of the parts that were started in the data folder and match a pattern, as 'broker-*'.
parts() {
  find "$data" -mindepth 2 -maxdepth 2 -path "$data/$1/address" -printf '%h\n' 2>/dev/null |
    LC_ALL=C sort
}

# download LIST FOLDER: the files that LIST names ("SHA-256  PATH"), tar files unpacked, into FOLDER of
# the cache, which is whole or not there.
download() {
  local list=$here/$1 folder=$cache/$2 new
  cmp -s "$list" "$folder/$1" && return
  command -v curl >/dev/null || install_packages ca-certificates curl
  # One at a time; the lock ends with the subshell.
  (
    flock 9
    cmp -s "$list" "$folder/$1" && exit
    echo "Downloading $(wc -l <"$list") file(s) for $2 from $maven"
    new=$(mktemp -d "$cache/$2.XXXXXX")
    trap 'rm -rf "$new"' EXIT
    sed -E "s,^[0-9a-f]+ +(.*/([^/]+))$,url = \"$maven/\1\"\noutput = \"$new/\2\"," "$list" |
      curl --config - --fail --no-progress-meter --location --retry 5 --parallel --parallel-max 8 ||
      fail "The download failed. Where Maven Central is reached through a mirror," \
        "set MAVEN_MIRROR_URL to its address."
    cd "$new"
    sed -E 's,[^ ]+/,,' "$list" | sha256sum --check --strict --quiet ||
      fail "What $maven sent is not what deploy/kafka/$1 says; try again, or another" \
        "MAVEN_MIRROR_URL."
    find . -name '*.tar.gz' -exec tar -xzf {} \; -delete
    cp "$list" .
    rm -rf "$folder"
    mv -T "$new" "$folder"
  ) 9>"$cache/lock"
}

# Installs Java and downloads the broker's jars where they are missing. `archives` begins the names of
# the archives in which this version of Java finds the classes of a program ready for use.
prepare() {
  source "$here/../packages.sh"
  command -v java >/dev/null || install_packages openjdk-17-jre-headless
  local java_file release major
  java_file=$(realpath "$(command -v java)")
  release=${java_file%/bin/java}/release
  major=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$release")
  ((major >= 17)) || fail "Kafka needs Java 17 or newer, and $java_file is Java $major;" \
    "put a newer one first in PATH (Debian: openjdk-17-jre-headless)."
  mkdir -p "$cache"
  download jars.txt jars
  archives=$cache/$(cksum <"$release" | tr ' ' -)
}
