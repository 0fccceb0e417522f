#include <cstdio>

#include "triggers/cli/config/settings.hpp"
#include "triggers/cli/help/completion.hpp"

namespace coremachine::cli {
namespace {

/// One character of UTF-8 at `at`, which moves past it, as man(7) writes it: `\\[u2026]`.
std::string escaped_character(const std::string& text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  unsigned code = lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size && at + i < text.size(); ++i)
    code = (code << 6U) | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
  at += size - 1;
  char out[16];
  std::snprintf(out, sizeof out, "\\[u%04X]", code);
  return out;
}

/// As text of a manual page: a backslash, a leading dot and others would mean something.
std::string escaped(const std::string& text) {
  std::string out;
  bool at_start = true;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (at_start && (c == '.' || c == '\'')) out += "\\&";
    switch (c) {
      case '\\': out += "\\e"; break;
      case '-': out += "\\-"; break;
      case '`': out += "\\(ga"; break;
      case '"': out += "\\(dq"; break;
      default:
        if ((static_cast<unsigned char>(c) & 0x80U) != 0) {
          out += escaped_character(text, at);
        } else {
          out += c;
        }
    }
    at_start = c == '\n';
  }
  return out;
}

std::string option_text(const OptionNode& option) {
  std::string text = ".TP\n";
  std::string names;
  for (const auto& name : option.names) names += (names.empty() ? "" : ", ") + ("\\fB" + escaped(name) + "\\fR");
  text += names;
  if (!option.value.empty()) text += (names.empty() ? "" : " ") + ("\\fI" + escaped(option.value) + "\\fR");
  return text + "\n" + escaped(option.help) + "\n";
}

std::string synopsis(const CommandNode& node) {
  std::string line = "\\fB" + escaped(node.path) + "\\fR";
  for (const auto& argument : node.arguments) {
    const auto name = "\\fI" + escaped(argument.value) + "\\fR" + (argument.repeated ? "..." : "");
    line += argument.required ? " " + name : " [" + name + "]";
  }
  return line;
}

/// Of these every command has the same; they are told once.
bool is_told_elsewhere(const OptionNode& option) {
  if (option.names.back() == "--help" || option.names.back() == "--config") return true;
  for (const auto& each : settings()) {
    const auto flag = std::string(each.flag);
    if (!flag.empty() && flag.substr(flag.rfind(',') + 1) == option.names.back()) return true;
  }
  return false;
}

void write_command(const CommandNode& node, std::string& out) {
  if (!node.arguments.empty() || node.commands.empty() || !node.help.empty()) {
    out += ".SS \"" + synopsis(node) + "\"\n" + escaped(node.help) + ".\n";
    std::string taken;
    for (const auto& argument : node.arguments) out += option_text(argument);
    for (const auto& option : node.options) {
      if (!is_told_elsewhere(option)) {
        out += option_text(option);
      } else if (option.names.back() != "--help" && option.names.back() != "--config") {
        taken += (taken.empty() ? "" : ", ") + ("\\fB" + escaped(option.names.back()) + "\\fR");
      }
    }
    if (!taken.empty()) out += ".PP\nSettings: " + taken + ".\n";
    if (!node.footer.empty()) out += ".PP\n.nf\n" + escaped(node.footer) + "\n.fi\n";
  }
  for (const auto& below : node.commands) write_command(below, out);
}

std::string settings_text() {
  std::string out;
  for (const auto& each : settings()) {
    out += ".TP\n";
    std::string names;
    const auto add = [&](const std::string& name) { names += (names.empty() ? "" : ", ") + name; };
    if (!each.flag.empty()) {
      const auto flag = std::string(each.flag);
      add("\\fB" + escaped(flag.substr(flag.rfind(',') + 1)) + "\\fR" +
          (each.value_name.empty() ? "" : " \\fI" + std::string(each.value_name) + "\\fR"));
    }
    if (!each.variable.empty()) add("\\fB" + std::string(each.variable) + "\\fR");
    add("\\fB" + std::string(each.key) + "\\fR");
    out += names + "\n" + escaped(std::string(each.help)) + ".";
    if (!each.fallback.empty()) out += " Default: " + escaped(std::string(each.fallback)) + ".";
    out += "\n";
  }
  return out;
}

}  // namespace

std::string man_page(const CommandNode& program) {
  std::string out =
      ".\\\" Made by `coremachine man` out of what the program parses by.\n"
      ".TH COREMACHINE 1 \"\" \"coremachine " COREMACHINE_VERSION
      "\" \"User Commands\"\n"
      ".SH NAME\ncoremachine \\- durable workflows of many stages\n"
      ".SH SYNOPSIS\n\\fBcoremachine\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n"
      ".SH DESCRIPTION\n" +
      escaped(program.help) + ".\n.SH COMMANDS\n";
  for (const auto& command : program.commands) write_command(command, out);
  out +=
      ".SH SETTINGS\nEach is said by a flag, else by a variable of the environment, else in the configuration file, "
      "else it has its default. A key with a dot is in the table before the dot: \\fBclient.server\\fR is "
      "\\fBserver\\fR in \\fB[client]\\fR. \\fBcoremachine config show \\-\\-origin\\fR shows what they come to.\n" +
      settings_text() +
      ".SH FILES\nThe configuration file, in TOML, is the one that \\fB\\-\\-config\\fR names, else "
      "\\fB$COREMACHINE_CONFIG\\fR, else \\fIcoremachine.toml\\fR in the working directory, else "
      "\\fI~/.config/coremachine/config.toml\\fR.\n"
      ".SH EXIT STATUS\n"
      ".TP\n0\ndone\n.TP\n1\nthe job failed\n.TP\n2\nusage: an option, params or the configuration\n.TP\n3\nnot found\n"
      ".TP\n4\nunreachable: no server, or it cannot at the moment\n.TP\n5\nnot allowed: by token, or by the state of "
      "the job\n.TP\n74\nthe output cannot be written\n.TP\n124\ntimed out\n.TP\n130\ninterrupted\n.TP\n141\nnobody "
      "reads "
      "the output any more\n";
  return out;
}

}  // namespace coremachine::cli
