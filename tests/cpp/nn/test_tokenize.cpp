#include <cstdint>
#include <string>
#include <vector>

#include "check.hpp"
#include "recurra/nn/tokenize.hpp"

using recurra::Separators;
using recurra::WordCounts;
using recurra::WordNumbers;

TEST(words_lie_between_separators) {
  std::vector<std::string> words;
  recurra::for_each_word(" ,to be,, or\xC3\xA9  not", Separators(" ,"),
                         [&](std::string_view word) { words.emplace_back(word); });
  CHECK_EQUAL(words.size(), std::size_t{4});
  CHECK_EQUAL(words[0], std::string("to"));
  CHECK_EQUAL(words[2], std::string("or\xC3\xA9"));
  CHECK_EQUAL(words[3], std::string("not"));
  recurra::for_each_word("", Separators(" "), [](std::string_view) { CHECK(false); });
}

TEST(words_of_every_length_are_told_apart) {
  // more than the first table holds, of lengths around those that the hash reads at once
  std::vector<std::string> words;
  for (int i = 0; i < 6000; ++i)
    words.push_back(std::string(static_cast<std::size_t>(i % 21), 'a') + std::to_string(i));
  WordNumbers numbers;
  for (std::size_t i = 0; i < words.size(); ++i) CHECK_EQUAL(numbers.add(words[i]), static_cast<std::int32_t>(i));
  for (std::size_t i = 0; i < words.size(); ++i) {
    CHECK_EQUAL(numbers.add(words[i]), static_cast<std::int32_t>(i));
    CHECK_EQUAL(numbers.find(words[i]), static_cast<std::int32_t>(i));
  }
  CHECK_EQUAL(numbers.find("b"), -1);
  CHECK_EQUAL(numbers.count(), static_cast<recurra::Index>(words.size()));
}

TEST(occurrences_and_texts_are_counted) {
  WordCounts counts;
  for (const char* text : {"b a b", "", "a c", "b"}) counts.add(text, Separators(" "));
  CHECK_EQUAL(counts.words().size(), std::size_t{3});
  CHECK_EQUAL(counts.words()[0], std::string_view("b"));
  const int expected[3][2] = {{3, 2}, {2, 2}, {1, 1}};
  for (recurra::Index k = 0; k < 3; ++k) {
    CHECK_EQUAL(counts.times(k), expected[k][0]);
    CHECK_EQUAL(counts.texts(k), expected[k][1]);
  }
}

TEST(unknown_words_get_their_id_or_none) {
  WordNumbers numbers(2);
  numbers.add("x");
  numbers.add("y");
  const std::int32_t ids[] = {7, -1};
  std::vector<std::int32_t> with, without;
  recurra::encode_words("y x z x", Separators(" "), numbers, ids, 5, with);
  recurra::encode_words("y x z x", Separators(" "), numbers, ids, -1, without);
  CHECK(with == (std::vector<std::int32_t>{7, 5, 7}));
  CHECK(without == (std::vector<std::int32_t>{7, 7}));
}
