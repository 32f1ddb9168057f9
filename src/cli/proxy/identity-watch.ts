// The certificates that listeners show, watched while they run: renewed when their files change, announced before they end.
import type { TunnelError } from '../../errors-node.js'
import type { IdentitySource } from '../../login/index.js'

export type IdentityNews =
  | { readonly state: 'renewed'; readonly expires: number | undefined }
  /** The files changed and cannot be used; what was there before still is. */
  | { readonly state: 'unusable'; readonly error: TunnelError }
  | { readonly state: 'expiring' | 'expired'; readonly expires: number }

// Once a minute is enough for a warning that comes minutes before.
const lookEvery = 30_000

export function watchIdentities(
  sources: Iterable<IdentitySource>,
  options: { readonly before: number; readonly now: () => number },
  tell: (news: IdentityNews, source: IdentitySource) => void,
): Disposable {
  const watched = [...new Set(sources)]
  const told = new Map<IdentitySource, string>()
  const look = () => {
    for (const source of watched) {
      const { expires } = source
      if (expires === undefined || expires - options.now() > options.before) continue
      const state = expires <= options.now() ? 'expired' : 'expiring'
      const key = `${state} ${expires}`
      // Each certificate is announced once, and once more when it is over.
      if (told.get(source) === key) continue
      told.set(source, key)
      tell({ state, expires }, source)
    }
  }
  const watches = watched.map((source) =>
    source.watch((error) => {
      tell(
        error === undefined ? { state: 'renewed', expires: source.expires } : { state: 'unusable', error },
        source,
      )
      look()
    }),
  )
  const timer = setInterval(look, lookEvery).unref()
  look()
  return {
    [Symbol.dispose]() {
      clearInterval(timer)
      for (const watch of watches) watch[Symbol.dispose]()
    },
  }
}
