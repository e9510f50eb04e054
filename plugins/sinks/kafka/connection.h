// How brokers are reached, for the sink and the source `kafka`: their common options, and the
// properties of librdkafka that follow from them.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plugins/sinks/kafka/errors.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

enum class KafkaSecurity { kPlaintext, kSsl, kSaslPlaintext, kSaslSsl };
enum class KafkaMechanism { kPlain, kScramSha256, kScramSha512, kOauthBearer };
// By their numbers.
inline constexpr std::array kKafkaSecurities = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
inline constexpr std::array kKafkaMechanisms = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512",
                                                "OAUTHBEARER"};

// Throws INVALID_ARGUMENT.
[[noreturn]] void RefuseOption(const std::string& sentence, const std::string& option);

struct KafkaConnection {
  std::string bootstrap_servers;
  std::string topic;
  std::string positions_topic = "throng-positions";
  KafkaSecurity security_protocol = KafkaSecurity::kPlaintext;
  KafkaMechanism sasl_mechanism = KafkaMechanism::kPlain;
  std::optional<std::string> sasl_username;
  std::optional<std::string> sasl_password;
  std::optional<std::string> oauth_token_url;
  std::optional<std::string> oauth_client_id;
  std::optional<std::string> oauth_client_secret;
  std::optional<std::string> oauth_scope;
  std::optional<std::string> ssl_ca;
  std::optional<std::string> ssl_certificate;
  std::optional<std::string> ssl_key;
  std::optional<std::string> ssl_key_password;
  Map client;

  // Those of security and `client.`, after a component's own.
  template <class Options>
  static void AddTo(std::vector<OptionOf<Options>>* options);
  // Throws INVALID_ARGUMENT.
  void ValidateConnection() const;

  bool HasSasl() const {
    return security_protocol == KafkaSecurity::kSaslPlaintext ||
           security_protocol == KafkaSecurity::kSaslSsl;
  }
  KafkaPlace Place() const;
  Map ConnectionProperties() const;  // without those of `client.`
  // Of a consumer, that also asks about topics.
  Map ConsumerProperties(bool reads_committed) const;

 private:
  void ValidateSasl() const;
};

template <class Options>
void KafkaConnection::AddTo(std::vector<OptionOf<Options>>* options) {
  using C = KafkaConnection;
  OptionOf<Options> all[] = {
      Option<&C::security_protocol, Options>("security_protocol", "How brokers are talked to.")
          .Choices({kKafkaSecurities.begin(), kKafkaSecurities.end()}),
      Option<&C::sasl_mechanism, Options>(
          "sasl_mechanism", "How the user is proven; OAUTHBEARER by a token of OpenID Connect.")
          .Choices({kKafkaMechanisms.begin(), kKafkaMechanisms.end()}),
      Option<&C::sasl_username, Options>("sasl_username",
                                         "The user, for sasl_plaintext and sasl_ssl."),
      Option<&C::sasl_password, Options>("sasl_password", "The user's password.").Secret(),
      Option<&C::oauth_token_url, Options>(
          "oauth_token_url", "Of OAUTHBEARER: the https:// address that gives tokens."),
      Option<&C::oauth_client_id, Options>("oauth_client_id",
                                           "Of OAUTHBEARER: who asks for a token."),
      Option<&C::oauth_client_secret, Options>("oauth_client_secret",
                                               "Of OAUTHBEARER: that client's secret.")
          .Secret(),
      Option<&C::oauth_scope, Options>("oauth_scope",
                                       "Of OAUTHBEARER: what the token is asked for."),
      Option<&C::ssl_ca, Options>("ssl_ca", "Certificates (PEM) that brokers are trusted by.")
          .Secret(),
      Option<&C::ssl_certificate, Options>("ssl_certificate", "The client's own certificate (PEM).")
          .Secret(),
      Option<&C::ssl_key, Options>("ssl_key", "The key of the client's certificate (PEM).")
          .Secret(),
      Option<&C::ssl_key_password, Options>("ssl_key_password", "The password of that key.")
          .Secret(),
      Option<&C::client, Options>("client.", "Any other property of librdkafka, as linger.ms."),
  };
  for (OptionOf<Options>& option : all) options->push_back(std::move(option));
}

}  // namespace throng::plugins
