// The roles of components, by their words in specs, plugins and messages.
#pragma once

#include <optional>
#include <string_view>

namespace throng {

// In the order in which a row passes them, there and back.
enum class Role { kActivity, kClock, kChoice, kRating, kFormat, kSink, kSource, kDecoder };
inline constexpr Role kRoles[] = {Role::kActivity, Role::kClock, Role::kChoice, Role::kRating,
                                  Role::kFormat,   Role::kSink,  Role::kSource, Role::kDecoder};
inline constexpr size_t kBehaviours = 4;  // the first so many are behaviours

// "activity", "clock", ...
std::string_view RoleName(Role role);
std::optional<Role> RoleNamed(std::string_view name);

}  // namespace throng
