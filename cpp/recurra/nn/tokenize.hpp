// Splits texts into words, counts them and maps them to ids. A text is UTF-8 bytes; a word is a maximal run of bytes
// without a separator. Separators are ASCII characters, so that no multi-byte character is cut.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "recurra/support/layout.hpp"

namespace recurra {

/// Which bytes end a word.
class Separators {
 public:
  /// characters: each below 128
  explicit Separators(std::string_view characters) {
    for (const char c : characters) ends_[static_cast<unsigned char>(c)] = true;
  }
  bool operator()(char c) const { return ends_[static_cast<unsigned char>(c)]; }

 private:
  std::array<bool, 256> ends_{};
};

/// Call `use(word)` for each word of `text`, in order.
template <class Use>
void for_each_word(std::string_view text, const Separators& separator, Use&& use) {
  const char* p = text.data();
  const char* const end = p + text.size();
  while (true) {
    while (p != end && separator(*p)) ++p;
    if (p == end) return;
    const char* const begin = p;
    while (p != end && !separator(*p)) ++p;
    use(std::string_view(begin, static_cast<size_t>(p - begin)));
  }
}

/// A hash table of distinct words, numbered 0, 1, 2, ... in order of insertion. Holds views: the texts must outlive it.
class WordNumbers {
 public:
  explicit WordNumbers(size_t expected = 0) {
    size_t room = 1024;
    while (room < 2 * expected) room *= 2;
    slots_.resize(room);
  }

  Index count() const { return static_cast<Index>(words_.size()); }
  const std::vector<std::string_view>& words() const { return words_; }

  /// The number of a word, or -1.
  std::int32_t find(std::string_view word) const { return slots_[place(word, hash(word))].number; }

  /// The number of a word; a new word gets the next number.
  std::int32_t add(std::string_view word) {
    const std::uint64_t key = hash(word);
    size_t at = place(word, key);
    if (slots_[at].number >= 0) return slots_[at].number;
    if (2 * words_.size() >= slots_.size()) {
      grow();
      at = place(word, key);
    }
    const auto number = static_cast<std::int32_t>(words_.size());
    slots_[at] = {key, number, static_cast<std::uint32_t>(word.size())};
    words_.push_back(word);
    return number;
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::int32_t number = -1;  // -1: free
    std::uint32_t length = 0;
  };

  /// The slot that holds the word, or the free one where it belongs.
  size_t place(std::string_view word, std::uint64_t key) const {
    size_t at = static_cast<size_t>(key) & (slots_.size() - 1);
    while (slots_[at].number >= 0) {
      const Slot& slot = slots_[at];
      // Words of the same length up to 8 bytes have distinct hashes, so most are never compared.
      if (slot.key == key && slot.length == static_cast<std::uint32_t>(word.size()) &&
          (word.size() <= 8 || words_[static_cast<size_t>(slot.number)] == word))
        break;
      at = (at + 1) & (slots_.size() - 1);
    }
    return at;
  }

  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.number < 0) continue;
      size_t at = static_cast<size_t>(slot.key) & (slots_.size() - 1);
      while (slots_[at].number >= 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = slot;
    }
  }

  template <class Word>
  static std::uint64_t load(const char* p) {
    Word value;
    std::memcpy(&value, p, sizeof value);
    return value;
  }

  /// Every step is invertible and up to 8 bytes enter at once: words of the same length <= 8 never share a hash.
  static std::uint64_t hash(std::string_view word) {
    constexpr std::uint64_t odd = 0x9E3779B97F4A7C15u, other = 0xD6E8FEB86659FD93u;
    const char* p = word.data();
    size_t n = word.size();
    std::uint64_t h = n * odd;
    const auto mix = [&](std::uint64_t value) {
      h = (h ^ value) * other;
      h ^= h >> 32;
    };
    for (; n > 8; p += 8, n -= 8) mix(load<std::uint64_t>(p));
    if (n >= 4)  // the two halves may overlap
      mix(load<std::uint32_t>(p) | load<std::uint32_t>(p + n - 4) << 32);
    else if (n) mix(load<std::uint8_t>(p) | load<std::uint8_t>(p + n / 2) << 8 | load<std::uint8_t>(p + n - 1) << 16);
    h *= odd;
    return h ^ h >> 29;
  }

  std::vector<Slot> slots_;  // a power of two, at most half full
  std::vector<std::string_view> words_;
};

/// How often each distinct word occurs, and in how many texts.
class WordCounts {
 public:
  void add(std::string_view text, const Separators& separator) {
    ++text_;
    for_each_word(text, separator, [&](std::string_view word) {
      const auto k = static_cast<size_t>(numbers_.add(word));
      if (k == counts_.size()) counts_.push_back({0, 0, 0});
      Count& count = counts_[k];
      ++count.times;
      count.texts += count.last != text_;
      count.last = text_;
    });
  }

  const std::vector<std::string_view>& words() const { return numbers_.words(); }
  std::int64_t times(Index k) const { return counts_[static_cast<size_t>(k)].times; }
  std::int64_t texts(Index k) const { return counts_[static_cast<size_t>(k)].texts; }

 private:
  struct Count {
    std::int64_t times, texts, last;  // last: the latest text that held the word
  };

  WordNumbers numbers_;
  std::vector<Count> counts_;
  std::int64_t text_ = 0;
};

/// Append ids[number] of each word of `text` to `result`, `unknown` for a word that is not in `numbers`. Negative ids
/// are left out.
inline void encode_words(std::string_view text, const Separators& separator, const WordNumbers& numbers,
                         const std::int32_t* ids, std::int32_t unknown, std::vector<std::int32_t>& result) {
  for_each_word(text, separator, [&](std::string_view word) {
    const std::int32_t number = numbers.find(word);
    const std::int32_t id = number >= 0 ? ids[number] : unknown;
    if (id >= 0) result.push_back(id);
  });
}

}  // namespace recurra
