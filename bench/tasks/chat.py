"""ChatterBot's English dialogues: ``python -m bench.tasks.chat FOLDER`` with its YAML files; needs ``recurra[chat]``.

Trains on every pair of turns, then asks every distinct prompt of the training: an answer counts where it is one of
those that the prompt has in the files. 50 prompts that have nothing to do with the dialogues, fixed here before the
first run, should be declined.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.tasks.resources import measured
from recurra.tasks import ChatBot
from recurra.tasks.pair_files import read_pairs

UNRELATED = """
How long should I boil an egg for breakfast?
Where did I leave my umbrella yesterday?
Can you translate this letter into Portuguese?
My neighbour's hedge is two metres too high.
Which bus goes to the railway station?
Please book a table for four at eight tonight.
The kitchen tap has been dripping since Monday.
How do I remove red wine from a carpet?
Is the museum open on public holidays?
What size of screws do I need for this shelf?
Remind me to water the tomatoes on Thursday.
Why does my bread never rise properly?
How many grams are in an ounce of flour?
The ferry to the island was cancelled again.
What should I pack for a week in Norway?
My daughter wants to learn the cello.
Does this train stop at Clermont-Ferrand?
How often should a hamster's cage be cleaned?
What is the tax on imported bicycles?
The lawn mower makes a strange rattling noise.
Could you recommend a quiet campsite near a lake?
How do I fold a fitted sheet?
Which mushrooms in this forest are edible?
My passport expires three days before the flight.
How late is the pharmacy open on Saturdays?
The curtains are too short for that window.
When should I prune the apple trees?
What is the best way to sharpen a kitchen knife?
Our landlord raised the rent by ten percent.
Who painted the ceiling of the opera house in Paris?
How do I get rid of moths in the wardrobe?
I need a birthday present for my grandmother.
Is it cheaper to fly on a Tuesday?
The dentist said I grind my teeth at night.
How far is it from Lyon to Marseille by car?
Can I return these shoes without a receipt?
What does a beginner need for rock climbing?
My sourdough starter smells of nail polish.
Where can I have a violin bow rehaired?
How much does it cost to renew a driving licence?
The baby has been awake since four o'clock.
Which paint is suitable for a damp bathroom?
How do I calculate the area of a trapezium?
There is a wasps' nest under the roof.
What time does the sun set in Reykjavik in June?
I spilled coffee over the wedding invitations.
How do bees find their way back to the hive?
Should the radiator valve be open or closed in summer?
Do we need snow chains for the mountain pass?
Why do onions make people cry?
""".strip().splitlines()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--least-similarity", type=float, default=0.6)
    parser.add_argument("--save", type=Path, help="write the bot to this file")
    given = parser.parse_args()

    prompts, answers = [], []
    for path in sorted(given.data.rglob("*.yml")):
        left, right = read_pairs(path)
        prompts += left
        answers += right
    print(f"{len(prompts):,} pairs, {len(set(prompts)):,} distinct prompts", flush=True)
    bot = ChatBot(units=given.units, least_similarity=given.least_similarity, seed=given.seed)
    with measured("training"):
        bot.fit(prompts, answers, epochs=given.epochs, verbose=1)
    if given.save is not None:
        bot.save(given.save)
    with measured("answers"):
        found = bot.evaluate(prompts, answers)
        others = bot.replies(UNRELATED)
    declined = [reply.text is None for reply in others]
    print(
        f"seed {given.seed}: {found.exact:.2%} of {found.prompts:,} prompts answered as trained "
        f"({found.declined:.2%} declined); {sum(declined)} of {len(UNRELATED)} unrelated prompts declined"
    )
    for prompt, reply in zip(UNRELATED, others, strict=True):
        if reply.text is not None:
            print(f"  answered: {prompt} -> {reply}")


if __name__ == "__main__":
    main()
