# install.sh -- installs what is missing, and builds a preset. Sourced by tools/up and tools/test.
#
# Nothing is installed when nothing is missing, so that a second start costs milliseconds.
# Everything it prints goes to standard error, and a build's own output to build*/build.log.

skiff_root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)

# What a build and a quorum need: a command, @ a pkg-config module or / a file -> Debian package.
# ARCHITECTURE.md says why each is there.
skiff_needs_build="
cmake:cmake ninja:ninja-build gcc:gcc /usr/include/stdio.h:libc6-dev pkg-config:pkg-config
python3:python3 protoc-c:protobuf-c-compiler @libuv:libuv1-dev @libprotobuf-c:libprotobuf-c-dev
@libisal:libisal-dev @rdkafka:librdkafka-dev @jansson:libjansson-dev @criterion:libcriterion-dev
@zlib:zlib1g-dev @snappy:libsnappy-dev @liblz4:liblz4-dev @libzstd:libzstd-dev
@libpcre2-8:libpcre2-dev"

# What the tests need on top. clang's sanitizers and libFuzzer are a package of their own.
skiff_needs_test="
git:git clang:clang /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a:libclang-rt-14-dev
clang-format:clang-format kcat:kcat strace:strace ccache:ccache java:default-jdk-headless mvn:maven
pip3:python3-pip c++:g++ nm:binutils chromium:chromium zsh:zsh"

say()
{
    printf '%s\n' "$*" >&2
}

# Prints the Debian packages that are missing of a list in the form above.
missing_packages()
{
    for need in $1; do
        name=${need%%:*}
        package=${need#*:}
        case $name in
        @*) pkg-config --exists "${name#@}" 2>/dev/null || printf '%s ' "$package" ;;
        /*) ls $name >/dev/null 2>&1 || printf '%s ' "$package" ;;
        *) command -v "$name" >/dev/null 2>&1 || printf '%s ' "$package" ;;
        esac
    done
}

# Installs what is missing of the lists given, or says what to install and ends.
install_missing()
{
    packages=$(missing_packages "$*")
    [ -z "$packages" ] && return 0
    say "Missing: $packages"
    if ! command -v apt-get >/dev/null 2>&1; then
        say "There is no apt-get here. Please install what these Debian packages hold: $packages"
        exit 1
    fi
    as_root=""
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            say "Please run as root: apt-get install $packages"
            exit 1
        fi
        as_root="sudo"
    fi
    say "Installing them with apt-get ..."
    apt_log=$(mktemp)
    if ! { $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        $as_root apt-get install -y -qq --no-install-recommends $packages; } >"$apt_log" 2>&1; then
        tail -n 20 "$apt_log" >&2
        say "apt-get failed (the whole output: $apt_log). Please install by hand: $packages"
        exit 1
    fi
    rm -f "$apt_log"
    packages=$(missing_packages "$*")
    if [ -n "$packages" ]; then
        say "Still missing after the installation: $packages"
        exit 1
    fi
}

# Builds preset $1 into build or build-$1; quiet unless it fails. Further arguments are targets.
build_preset()
{
    preset=$1
    shift
    folder="$skiff_root/build-$preset"
    [ "$preset" = release ] && folder="$skiff_root/build"
    mkdir -p "$folder"
    build_log="$folder/build.log"
    if [ ! -f "$folder/build.ninja" ]; then
        if ! (cd "$skiff_root" && cmake --preset "$preset") >"$build_log" 2>&1; then
            tail -n 30 "$build_log" >&2
            say "cmake failed for preset $preset; the whole output: $build_log"
            return 1
        fi
    fi
    if [ -t 2 ]; then
        ninja -C "$folder" "$@" 2>&1 | tee "$build_log" | build_progress "$preset"
        ! grep -q '^ninja: build stopped\|^FAILED:\|^ninja: error' "$build_log" && return 0
    else
        ninja -C "$folder" "$@" >"$build_log" 2>&1 && return 0
    fi
    grep -v '^\[' "$build_log" | head -n 60 >&2
    say "The build of preset $preset failed; the whole output: $build_log"
    return 1
}

# Shows ninja's [12/80] as one line that overwrites itself.
build_progress()
{
    while IFS= read -r line; do
        case $line in
        \[*\]*) printf '\rBuilding %s %s  ' "$1" "${line%%]*}]" >&2 ;;
        esac
    done
    printf '\r\033[K' >&2
}
