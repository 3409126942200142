"""tools/wiregen refuses a schema that it can't mean, and says in which line."""
import os
import subprocess
import sys
import tempfile

WIREGEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "wiregen")
RECORD = "record Test key 9 versions 0-1 flexible 1+\n\nkey\n{}\nvalue\n  a  int16  0+  tag 0\n"
HEAD = "api Test key 9 versions 0-1 flexible 1+\n\nrequest\n{}\nresponse\n  error_code  int16  0+\n"

BAD = {
    "tagged fields come last": "  a  int16  0+  tag 0\n  b  int16  0+\n",
    "in the order of their tags": "  a  int16  0+  tag 1\n  b  int16  0+  tag 0\n",
    "can't be null": "  a  int16  0+  null 0+\n",
    "has no fields": "  a  [thing]  0+\n",
    "can't read": "  a  int16\n",
    "isn't a struct": "  a  int16  0+\n    b  int16  0+\n",
}


def run(text, kind="api"):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "09_test")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run([sys.executable, WIREGEN, kind, path, folder], capture_output=True,
                              text=True, check=False)
        return done.returncode, done.stderr


def main():
    code, text = run(HEAD.format("  a  int16  0+  default 7  # A number.\n"))
    assert code == 0, text
    code, text = run(RECORD.format("  a  string  0+\n"), "record")
    assert code == 0, text
    code, text = run(RECORD.replace("key\n{}", "request"), "record")
    assert code != 0 and "`key` or `value`" in text, text
    for reason, fields in BAD.items():
        code, text = run(HEAD.format(fields))
        assert code != 0 and reason in text, f"{fields!r}: expected `{reason}`, got {code}: {text}"
    print(f"{len(BAD) + 3} schemas judged")


main()
