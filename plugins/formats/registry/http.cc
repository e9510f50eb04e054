// One HTTP request to a schema registry, by libcurl.
#include "plugins/formats/registry/http.h"

#include <curl/curl.h>
#include <dlfcn.h>

#include <memory>

namespace throng::plugins {
namespace {

// Together well below the time that a host gives a call of a format.
constexpr int64_t kConnectMs = 3'000;
constexpr int64_t kTotalMs = 6'000;
// More than any registry answers.
constexpr size_t kMaxBody = 1 << 20;

// libcurl is loaded when it is first needed: with the thirty libraries that it needs itself that
// takes 8 ms, which is nothing to ask of every worker that writes a file.
class Curl {
 public:
  static const Curl& Get() {
    static const Curl kCurl;
    return kCurl;
  }

  decltype(&curl_easy_init) easy_init = nullptr;
  decltype(&curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&curl_easy_setopt) easy_setopt = nullptr;
  decltype(&curl_easy_perform) easy_perform = nullptr;
  decltype(&curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&curl_easy_strerror) easy_strerror = nullptr;
  decltype(&curl_slist_append) slist_append = nullptr;
  decltype(&curl_slist_free_all) slist_free_all = nullptr;

 private:
  Curl() {
    void* const library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == nullptr) Fail();
    Find(library, "curl_easy_init", &easy_init);
    Find(library, "curl_easy_cleanup", &easy_cleanup);
    Find(library, "curl_easy_setopt", &easy_setopt);
    Find(library, "curl_easy_perform", &easy_perform);
    Find(library, "curl_easy_getinfo", &easy_getinfo);
    Find(library, "curl_easy_strerror", &easy_strerror);
    Find(library, "curl_slist_append", &slist_append);
    Find(library, "curl_slist_free_all", &slist_free_all);
  }
  template <typename Function>
  static void Find(void* library, const char* name, Function* function) {
    *function = reinterpret_cast<Function>(dlsym(library, name));
    if (*function == nullptr) Fail();
  }
  [[noreturn]] static void Fail() {
    throw Error(THRONG_FAILED_PRECONDITION,
                std::string("A schema registry is asked by libcurl, which cannot be loaded (") +
                    dlerror() + "); install it (Debian: libcurl4), or leave registry out.",
                "registry");
  }
};

using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

template <typename Value>
void Set(const Easy& easy, CURLoption option, Value value) {
  const CURLcode code = Curl::Get().easy_setopt(easy.get(), option, value);
  if (code == CURLE_OK) return;
  throw Error(THRONG_FAILED_PRECONDITION,
              std::string("libcurl does not take a setting (") + Curl::Get().easy_strerror(code) +
                  "); install version 7.85 or newer.",
              "registry");
}

// PEM text, which stays where it is.
void SetPem(const Easy& easy, CURLoption option, const std::optional<std::string>& pem) {
  if (!pem) return;
  curl_blob blob = {const_cast<char*>(pem->data()), pem->size(), CURL_BLOB_NOCOPY};
  Set(easy, option, &blob);
}

size_t Receive(char* data, size_t size, size_t count, void* body) {
  auto* const text = static_cast<std::string*>(body);
  if (text->size() + size * count > kMaxBody) return 0;
  text->append(data, size * count);
  return size * count;
}

int IsCancelled(void* host, curl_off_t /*download_total*/, curl_off_t /*downloaded*/,
                curl_off_t /*upload_total*/, curl_off_t /*uploaded*/) {
  return static_cast<const Host*>(host)->IsCancelled() ? 1 : 0;
}

[[noreturn]] void Fail(CURLcode code, const std::string& reason, const std::string& registry) {
  switch (code) {
    case CURLE_OUT_OF_MEMORY:
      throw std::bad_alloc();
    case CURLE_ABORTED_BY_CALLBACK:
      throw Error(THRONG_CANCELLED, "Stopped while registry " + registry + " was asked.");
    case CURLE_WRITE_ERROR:
      throw Error(
          THRONG_FAILED_PRECONDITION,
          "What " + registry + " answers is too long for a schema registry; check registry.",
          "registry");
    case CURLE_SSL_CERTPROBLEM:
      throw Error(THRONG_INVALID_ARGUMENT,
                  "The certificate for registry " + registry + " cannot be used (" + reason +
                      "); check registry_certificate and registry_key.",
                  "registry_certificate");
    case CURLE_SSL_CACERT_BADFILE:
      throw Error(THRONG_INVALID_ARGUMENT,
                  "registry_ca holds no certificates (" + reason + "); give them as PEM.",
                  "registry_ca");
    case CURLE_PEER_FAILED_VERIFICATION:
      throw Error(THRONG_UNAUTHENTICATED,
                  "The certificate of registry " + registry + " is not trusted (" + reason +
                      "); give the certificate of who signed it as registry_ca.",
                  "registry_ca");
    case CURLE_SSL_CONNECT_ERROR:
      throw Error(THRONG_UNAUTHENTICATED,
                  "Registry " + registry + " and this client find no common TLS (" + reason +
                      "); check registry, registry_ca, registry_certificate and registry_key.",
                  "registry");
    default:
      throw Error(THRONG_UNAVAILABLE,
                  "Registry " + registry + " cannot be reached (" + reason +
                      "); check registry, and that it runs.",
                  "registry");
  }
}

// `body`: to be posted.
HttpAnswer Ask(const RegistryConnection& connection, const Host& host, const std::string& url,
               const std::string* body) {
  if (host.IsCancelled()) Fail(CURLE_ABORTED_BY_CALLBACK, "", *connection.registry);
  const Curl& curl = Curl::Get();
  const Easy easy(curl.easy_init(), curl.easy_cleanup);
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(nullptr, curl.slist_free_all);
  for (const char* header : {"Content-Type: application/vnd.schemaregistry.v1+json",
                             "Accept: application/vnd.schemaregistry.v1+json, application/json"}) {
    curl_slist* const longer = curl.slist_append(headers.get(), header);
    if (easy == nullptr || longer == nullptr) throw std::bad_alloc();
    if (headers == nullptr) headers.reset(longer);
  }
  HttpAnswer answer;
  char reason[CURL_ERROR_SIZE] = "";
  Set(easy, CURLOPT_NOSIGNAL, 1L);
  Set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  Set(easy, CURLOPT_URL, url.c_str());
  Set(easy, CURLOPT_HTTPHEADER, headers.get());
  if (body != nullptr) {
    Set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
    Set(easy, CURLOPT_POSTFIELDS, body->data());
  }
  Set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(kConnectMs));
  Set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(kTotalMs));
  Set(easy, CURLOPT_ERRORBUFFER, static_cast<char*>(reason));
  Set(easy, CURLOPT_WRITEFUNCTION, &Receive);
  Set(easy, CURLOPT_WRITEDATA, static_cast<void*>(&answer.body));
  Set(easy, CURLOPT_NOPROGRESS, 0L);
  Set(easy, CURLOPT_XFERINFOFUNCTION, &IsCancelled);
  Set(easy, CURLOPT_XFERINFODATA, static_cast<const void*>(&host));
  if (connection.registry_username) {
    Set(easy, CURLOPT_USERNAME, connection.registry_username->c_str());
    Set(easy, CURLOPT_PASSWORD, connection.registry_password->c_str());
  }
  SetPem(easy, CURLOPT_CAINFO_BLOB, connection.registry_ca);
  if (connection.registry_ca) Set(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  SetPem(easy, CURLOPT_SSLCERT_BLOB, connection.registry_certificate);
  SetPem(easy, CURLOPT_SSLKEY_BLOB, connection.registry_key);
  const CURLcode code = curl.easy_perform(easy.get());
  if (code != CURLE_OK) {
    Fail(code, reason[0] != '\0' ? reason : curl.easy_strerror(code), *connection.registry);
  }
  long status = 0;
  curl.easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  answer.status = status;
  return answer;
}

}  // namespace

HttpAnswer PostJson(const RegistryConnection& connection, const Host& host, const std::string& url,
                    const std::string& body) {
  return Ask(connection, host, url, &body);
}

HttpAnswer Get(const RegistryConnection& connection, const Host& host, const std::string& url) {
  return Ask(connection, host, url, nullptr);
}

}  // namespace throng::plugins
