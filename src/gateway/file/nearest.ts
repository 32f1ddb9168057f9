// The word somebody meant: fewest letters to change, drop, add or swap.

/** The known word nearest to the one written, unless it is far from all. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[-_]/g, '')
  const ranked = known
    .map((each) => ({ each, distance: distance(plain(word).slice(0, 64), plain(each)) }))
    .sort((a, b) => a.distance - b.distance)
  const first = ranked[0]
  return first !== undefined && first.distance <= Math.max(1, Math.floor(word.length / 3))
    ? first.each
    : undefined
}

function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, i) => i)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swap = swapped ? rows[i - 2]![j - 2]! + 1 : change
      row.push(Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, change, swap))
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}
