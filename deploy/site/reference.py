"""Writes the pages of docs/reference that follow from the code: from the protos, from --help, from
what plugins say of themselves, and from tables in the sources.

    deploy/site/build --reference      into docs/reference, with the programs of the release build
    reference.py PROGRAMS FOLDER       PROGRAMS: a folder with throngctl, throngd, throng-worker
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2

ROOT = pathlib.Path(__file__).resolve().parents[2]
Field = descriptor_pb2.FieldDescriptorProto

MADE = "<!-- Made by deploy/site/reference.py; edit what it is made from. -->\n"
TYPES = {
    Field.TYPE_DOUBLE: "number", Field.TYPE_BOOL: "true or false", Field.TYPE_STRING: "text",
    Field.TYPE_BYTES: "bytes", Field.TYPE_INT32: "int32", Field.TYPE_INT64: "int64",
    Field.TYPE_UINT32: "uint32", Field.TYPE_UINT64: "uint64", Field.TYPE_FIXED32: "fixed32",
    Field.TYPE_FIXED64: "fixed64", Field.TYPE_SFIXED32: "sfixed32", Field.TYPE_SFIXED64: "sfixed64",
}
ROLES = {
    "activity": "who, and how often", "clock": "when", "choice": "what, and why",
    "rating": "how much it was liked", "format": "rows into records",
    "sink": "records to a place", "source": "records from a place",
    "decoder": "records into rows",
}


def table(heads, rows):
    """A table of Markdown; nothing without rows."""
    if not rows:
        return ""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines
    ) + "\n"


# Protos.


class Protos:
    """The messages, enums and services of proto/, with their comments."""

    def __init__(self, *patterns):
        with tempfile.NamedTemporaryFile() as out:
            files = [str(file.relative_to(ROOT / "proto"))
                     for pattern in patterns for file in sorted((ROOT / "proto").glob(pattern))]
            subprocess.run(["protoc", "-I", ROOT / "proto", "--include_source_info",
                            f"--descriptor_set_out={out.name}", *files], check=True)
            self.files = descriptor_pb2.FileDescriptorSet.FromString(out.read()).file
        self.types, self.comments = {}, {}
        for file in self.files:
            said = {tuple(location.path): " ".join(location.leading_comments.split())
                    for location in file.source_code_info.location}
            for i, message in enumerate(file.message_type):
                self.types[f".{file.package}.{message.name}"] = message
                self.comments[message.name] = said.get((4, i), "")
                for j, field in enumerate(message.field):
                    self.comments[message.name, field.name] = said.get((4, i, 2, j), "")
            for i, enum in enumerate(file.enum_type):
                self.types[f".{file.package}.{enum.name}"] = enum
                self.comments[enum.name] = said.get((5, i), "")
                for j, value in enumerate(enum.value):
                    self.comments[enum.name, value.name] = said.get((5, i, 2, j), "")
            for i, service in enumerate(file.service):
                self.comments[service.name] = said.get((6, i), "")
                for j, method in enumerate(service.method):
                    self.comments[service.name, method.name] = said.get((6, i, 2, j), "")

    def about(self, name):
        """What is said of a message, an enum or a service, as a paragraph."""
        return f"{self.comments[name]}\n\n" if self.comments[name] else ""

    def is_map(self, message, field):
        return any(nested.options.map_entry and field.type_name.endswith("." + nested.name)
                   for nested in message.nested_type)

    def type_of(self, message, field, link=lambda name: f"[{name}](#{name.lower()})"):
        if self.is_map(message, field):
            return "map of texts"
        if field.type in TYPES:
            name = TYPES[field.type]
        elif field.type_name in self.types:
            name = link(self.types[field.type_name].name)
        else:
            name = field.type_name.rpartition(".")[2].lower()  # timestamp, duration
        return f"list of {name}" if field.label == Field.LABEL_REPEATED else name

    def fields(self, message, **how):
        return table(["Field", "Meaning"], [
            [f"`{field.name}`", self.comments[message.name, field.name] +
             f"<br>*{self.type_of(message, field, **how)}*"] for field in message.field])

    def values(self, enum, spell=lambda name: name):
        return table(["Value", "Meaning"], [
            [f"`{spell(value.name)}`", self.comments[enum.name, value.name]]
            for value in enum.value])


def yaml_paths(protos, root):
    """Where each message and enum stands in the YAML of the root, in the order of reading."""
    paths = {root: [""]}

    def walk(message, path):
        for field in message.field:
            used = protos.types.get(field.type_name)
            if used is None:
                continue
            here = f"{path}.{field.name}".lstrip(".")
            here += "[]" if field.label == Field.LABEL_REPEATED else ""
            paths.setdefault(used.name, []).append(here)
            if isinstance(used, descriptor_pb2.DescriptorProto):
                walk(used, here)

    walk(next(m for m in protos.types.values() if m.name == root), "")
    return paths


def yaml_messages(protos, root):
    """Each message and enum of the root's YAML, with its fields."""
    text = ""
    by_name = {known.name: known for known in protos.types.values()}
    for name, paths in yaml_paths(protos, root).items():
        known = by_name[name]
        text += f"## {name}\n\n"
        if paths != [""]:
            text += "At " + ", ".join(f"`{path}`" for path in paths) + ".\n\n"
        text += protos.about(name)
        if isinstance(known, descriptor_pb2.DescriptorProto):
            text += protos.fields(known)
        else:
            prefix = known.value[0].name.removesuffix("UNSPECIFIED")
            values = descriptor_pb2.EnumDescriptorProto()
            values.CopyFrom(known)
            del values.value[0]
            text += protos.values(values, lambda value, p=prefix: value.removeprefix(p).lower())
    return text


def spec_page(protos):
    return f"""# Spec

{MADE}
A spec is YAML or JSON. [Write a spec](../how-to/write-a-spec.md) shows how to begin; here is every field.

Numbers of rows are written as `50000` or `50_000`, durations as `1s` or `30d`. Options of components are on the page [Components](components.md).

{yaml_messages(protos, "RunSpec")}"""


def daemon_page(protos, programs):
    return f"""# throngd

{MADE}
`throngd --config throngd.yaml` reads these settings. Flags are stronger than the file.

{yaml_messages(protos, "Config")}[throngd.yaml](../../deploy/throngd.yaml) is a file to start from.

## Flags

{command_text([programs / "throngd"])}
""" + "\n".join(f"""## throngd {command}

{command_text([programs / "throngd", command])}""" for command in ("check", "export"))


def is_near(name):
    """Whether it stands on the page of the calls."""
    return name.endswith(("Request", "Response"))


def link_to_messages(name):
    return f"[{name}]({'' if is_near(name) else 'messages.md'}#{name.lower()})"


def api_page(protos):
    text = f"""# API

{MADE}
gRPC, package `throng.v1`. The protos are the folder `proto/throng/v1`; reflection serves them too. Messages that several calls share are on the page [Messages](messages.md), reasons of errors on the page [Errors](errors.md).

"""
    for service in (service for file in protos.files for service in file.service):
        text += f"## {service.name}\n\n{protos.about(service.name)}"
        text += table(["Call", "Meaning"], [
            [f"[{call.name}](#{protos.types[call.input_type].name.lower()})"
             + (" (a stream)" if call.server_streaming else ""),
             protos.comments[service.name, call.name]] for call in service.method])
        for call in service.method:
            for message in (protos.types[call.input_type], protos.types[call.output_type]):
                text += f"### {message.name}\n\n{protos.about(message.name)}"
                text += protos.fields(message, link=link_to_messages) or "No fields.\n\n"
    return text


def messages_page(protos):
    text = f"""# Messages

{MADE}
What the calls of the [API](api.md) share, package `throng.v1`.

"""
    for file in protos.files:
        for known in (*file.message_type, *file.enum_type):
            if not is_near(known.name):
                is_message = isinstance(known, descriptor_pb2.DescriptorProto)
                text += f"## {known.name}\n\n{protos.about(known.name)}"
                text += protos.fields(known) if is_message else protos.values(known)
    return text


# --help.


def help_of(command):
    return subprocess.run([*command, "--help"], check=True, capture_output=True, text=True).stdout


def entries(text, head):
    """The (name, meaning) pairs of a part of a help text."""
    part = re.search(rf"^{head}:\n((?: .*\n)+)", text, re.MULTILINE)
    found = []
    for line in part[1].splitlines() if part else []:
        if line.startswith("   "):  # the meaning of a long name
            found[-1][1] = line.strip()
        else:
            found.append((re.split(r"\s{2,}", line.strip(), maxsplit=1) + [""])[:2])
    return [(name, meaning) for name, meaning in found if not name.startswith("-h,")]


def option(name):
    """Of an option as CLI11 prints it: how people write it, the words that it may be, its default,
    what it is not used with."""
    others = re.findall(r" Excludes:((?: -?-?[a-z][-a-z]*)+)", name)
    name = re.sub(r" Excludes:(?: -?-?[a-zA-Z][-a-zA-Z]*)+| REQUIRED", "", name)
    name = re.sub(r"( \.\.\.|\{false\})$|:[A-Z]+ in \[[^]]*\]|:\{[^}]*\}", "", name)
    flags, _, value = name.partition(" ")
    shown = re.fullmatch(r"([^=]+)=([^A-Z]+.*)", value)  # PATH=VALUE has no default
    value, default = shown.groups() if shown else (value, "")
    words = value.replace("|", ", ") if "|" in value else ""  # too wide for the first column
    shown = ", ".join(f"`{flag}`" for flag in flags.split(","))
    shown += f" `{value}`" if value and not words else ""
    # CLI11 keeps the others in no order.
    return shown, words, default, sorted(others[0].split()) if others else []


def command_text(command):
    """The options, the remarks and the examples of a command."""
    text = help_of(command)
    rows = []
    for name, meaning in entries(text, "Positionals") + entries(text, "Options"):
        shown, words, default, others = option(name)
        meaning += " Required." if " REQUIRED" in name else ""
        meaning += " Not with " + ", ".join(f"`{o}`" for o in others) + "." if others else ""
        meaning += f" Default: `{default}`." if default else ""
        meaning += f"<br>*{words}*" if words else ""
        rows.append([shown, meaning])
    out = table(["Option", "Meaning"], rows)
    footer = re.split(r"\n\n", text)[-1] if "\n\n" in text else ""
    if footer.startswith(("Options:", "Subcommands:")):
        footer = ""
    prose, examples = [], []
    for line in footer.splitlines():
        if line.startswith("  "):
            examples.append(line[2:])
        elif line and not line.startswith(("Example", "Exit codes:")):
            prose.append(line)
    if prose:
        out += "\n".join(prose) + "\n\n"
    if examples:
        out += "```text\n" + "\n".join(examples) + "\n```\n\n"
    return out


def command_sections(command):
    """A command and those below it."""
    text = help_of(command)
    name = " ".join([pathlib.Path(command[0]).name, *command[1:]])
    below = [verb for verb, _ in entries(text, "Subcommands")]
    out = f"## {name}\n\n{text.splitlines()[0]}\n\n"
    if below:
        out += table(["Command", "Meaning"], [
            [f"[{verb}](#{f'{name} {verb}'.replace(' ', '-')})", meaning]
            for verb, meaning in entries(text, "Subcommands")])
    else:
        out += command_text(command)
    for verb in below:
        out += command_sections([*command, verb])
    return out


def cli_page(programs):
    return f"""# Commands

{MADE}
`throngctl COMMAND --help` says the same. [Exit codes](exit-codes.md) are on a page of their own.

{command_sections([programs / "throngctl"])}{command_sections([programs / "throng-worker"])}"""


# Components.


def option_row(described):
    """Name, meaning, and what it may be."""
    least, most = described.get("minimum"), described.get("maximum")
    facts = [described["type"]]
    if "choices" in described:
        facts = [", ".join(f"`{choice}`" for choice in described["choices"])]
    elif least is not None and most is not None:
        facts.append(f"{least} to {most}")
    elif least is not None or most is not None:
        facts.append(f"from {least}" if least is not None else f"up to {most}")
    if described.get("is_required"):
        facts.append("required")
    elif described.get("default"):
        facts.append(f"default `{described['default']}`")
    if described.get("is_secret"):
        facts.append("a secret: `env:NAME` or `file:/path`")
    return [f"`{described['name']}`", f"{described['doc']}<br>*{'; '.join(facts)}*"]


def components_page(programs):
    listed = json.loads(subprocess.run(
        [programs / "throngctl", "plugins", "list", "-o", "json"],
        check=True, capture_output=True, text=True).stdout)
    text = f"""# Components

{MADE}
What the plugins that come with Throng offer, and the options of each. `throngctl plugins list` shows those of your own installation, `throngctl plugins get NAME` the options of one.

"""
    components = [component for plugin in listed for component in plugin["components"]]
    for role, what in ROLES.items():
        text += f"## {role.capitalize()}: {what}\n\n"
        for component in components:
            if component["role"] != role:
                continue
            text += f"### {role} {component['name']}\n\n{component['doc']}"
            if role == "sink" and not component.get("is_durable"):
                text += " It keeps no position: an interrupted run begins again."
            if "modes" in component:
                text += " As " + " or ".join(component["modes"]) + "."
            text += "\n\n" + (table(["Option", "Meaning"], [
                option_row(described) for described in component.get("options", [])])
                or "No options.\n\n")
    return text


# Tables in the sources.


def columns_page():
    rules = (ROOT / "server/spec/rules.cc").read_text(encoding="utf-8")
    known = {name: (kind.lower(), doc) for name, kind, doc in re.findall(
        r'\{ColumnSource::\w+, "(\w+)", THRONG_COLUMN_(\w+),\s*"([^"]+)"\}',
        (ROOT / "server/delivery/table.cc").read_text(encoding="utf-8"))}
    text = f"""# Columns

{MADE}
What each table has. `columns` of an output chooses: [Ids, columns and formats](../how-to/ids-and-formats.md). Columns that are marked come only if they are asked for. The number is that of the field in Protobuf.

"""
    for name, rows in re.findall(r"TableColumn k(\w+)Columns\[\] = \{(.*?)\};", rules, re.DOTALL):
        name = {"Interaction": "interactions", "User": "users", "Item": "items"}[name]
        text += f"## {name}\n\n" + table(["Column", "Type", "Number", "If asked for", "Meaning"], [
            [f"`{column}`", known[column][0], number, "yes" if extra else "", known[column][1]]
            for column, number, extra in re.findall(r'\{"(\w+)", (\d+)(, true)?\}', rows)])
    text += """## Of behaviours

A behaviour may have columns of its own. They are asked for with its role before them, in any table that has them.

"""
    declared = re.compile(r'\.type = THRONG_COLUMN_(\w+),\s*\.name = "(\w+)",\s*\.doc = "([^"]+)"')
    return text + table(["Column", "Of", "Type", "Meaning"], [
        [f"`{path.parent.name}.{name}`", f"`{path.stem}`", kind.lower(), doc]
        for path in sorted((ROOT / "plugins").glob("*/*.cc"))
        for kind, name, doc in declared.findall(path.read_text(encoding="utf-8"))])


def exit_codes_page(programs):
    header = (ROOT / "client/exit_code.h").read_text(encoding="utf-8")
    text = f"""# Exit codes

{MADE}
## throngctl

""" + table(["Code", "Meaning"], re.findall(r"k\w+ = (\d+), +// (.+)", header))
    for command in (["throngd"], ["throngd", "check"], ["throngd", "export"],
                    ["throng-worker", "run"], ["throng-worker", "check"]):
        said = re.search(r"^Exit codes: (.*)\.$", help_of([programs / command[0], *command[1:]]),
                         re.MULTILINE)
        text += f"## {' '.join(command)}\n\n" + table(
            ["Code", "Meaning"], re.findall(r"(\d+) ([^,]+(?:, [^\d,]+)*)", said[1]))
    return text


def main():
    programs, folder = map(pathlib.Path, sys.argv[1:])
    programs = programs.resolve()
    api = Protos("throng/v1/*.proto")
    pages = {
        "spec.md": spec_page(api),
        "throngd.md": daemon_page(Protos("throng/daemon/v1/config.proto"), programs),
        "api.md": api_page(api),
        "messages.md": messages_page(api),
        "cli.md": cli_page(programs),
        "components.md": components_page(programs),
        "columns.md": columns_page(),
        "exit-codes.md": exit_codes_page(programs),
    }
    for name, text in pages.items():
        text = re.sub(r"\n{3,}", "\n\n", text.rstrip() + "\n")
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
