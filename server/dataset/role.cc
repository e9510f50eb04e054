#include "server/dataset/role.h"

namespace throng {

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kActivity:
      return "activity";
    case Role::kClock:
      return "clock";
    case Role::kChoice:
      return "choice";
    case Role::kRating:
      return "rating";
    case Role::kFormat:
      return "format";
    case Role::kSink:
      return "sink";
    case Role::kSource:
      return "source";
    case Role::kDecoder:
      return "decoder";
  }
  return "";
}

std::optional<Role> RoleNamed(std::string_view name) {
  for (const Role role : kRoles) {
    if (RoleName(role) == name) return role;
  }
  return std::nullopt;
}

}  // namespace throng
