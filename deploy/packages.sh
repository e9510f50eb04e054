# Sourced by deploy/quickstart, deploy/package and tests/run: Debian packages that the build needs, their
# installation, and the build.
build_packages=(
  ccache
  cmake
  g++
  libabsl-dev
  libcli11-dev
  libcpp-httplib-dev
  libcurl4-openssl-dev
  libfmt-dev
  libgrpc++-dev
  libprotobuf-dev
  librdkafka-dev
  libsnappy-dev
  libsqlite3-dev
  libssl-dev
  libyaml-cpp-dev
  libzstd-dev
  mold
  ninja-build
  nlohmann-json3-dev
  pkg-config
  prometheus-cpp-dev
  protobuf-compiler
  protobuf-compiler-grpc
  zlib1g-dev
)
# And what deploy/package needs beyond that.
package_packages=(
  debhelper
  patchelf
  python3
)

# Installs those of the named packages that are missing; as an ordinary user through sudo.
install_packages() {
  local installed missing=() package
  # It fails when it knows none of them, which is no mistake here.
  installed=" $({ dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null || true; } |
    sed -n 's/^ii *//p' | tr '\n' ' ')"
  for package in "$@"; do
    [[ $installed == *" $package "* ]] || missing+=("$package")
  done
  [[ ${#missing[@]} -eq 0 ]] && return
  echo "Installing ${missing[*]}"
  local as_root=()
  if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
      echo "These packages are missing and only root can install them: ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# The release preset in build/release, as far as it is installed.
build_release() {
  if [[ ! -f build/release/build.ninja ]]; then
    mkdir -p build
    cmake --preset release -DBUILD_TESTING=OFF >build/configure-release.log 2>&1 || {
      cat build/configure-release.log >&2
      return 1
    }
  fi
  echo "Building (a few minutes the first time)"
  cmake --build --preset release --target throngctl throngd throng-worker throng_plugins -- --quiet
}
