// Whether the daemon can do its work, as its parts tell it, for whoever asks: health of the API,
// the HTTP listener, the service manager.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace throng {

// Any thread.
class Health {
 public:
  // What keeps a part of the daemon (`store`, `plugins`, `drain`, `end`) from its work: a sentence,
  // or nothing any more.
  void Set(const std::string& part, const std::string& trouble);

  // What there is, by part.
  std::map<std::string, std::string> Troubles() const;
  bool IsReady() const { return Troubles().empty(); }

  // Is called after each change and at once, by one thread at a time, until another one is named.
  void OnChange(std::function<void(const std::map<std::string, std::string>& troubles)> call);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> troubles_;
  std::function<void(const std::map<std::string, std::string>&)> on_change_;
};

}  // namespace throng
