// Noticing that files change: the system's notices for the folders they are in (renewals rename over the old file), and a
// regular look beside it, for network file systems, symbolic links and folders that were removed and made again. Only
// hints leave here: whoever is hinted compares for itself. Nothing keeps the process alive.
import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { foldersOf } from './files.js'

export interface WatchedFiles {
  /** The files as they are known now; asked anew on every look. */
  paths(): Iterable<string>
  /** Milliseconds between looks. */
  readonly poll: number
  /** Something may have changed. */
  hint(): void
}

/** Watch until disposed. Never throws: where the system gives no notices, the looks remain. */
export function watchFiles({ paths, poll, hint }: WatchedFiles): Disposable {
  const watched = new Map<string, { readonly watcher: FSWatcher; readonly inode: bigint }>()
  let disposed = false
  let settling: NodeJS.Timeout | undefined

  // Writers take a few steps: one hint for all of them, a moment after the first.
  const notice = () => {
    settling ??= setTimeout(() => {
      settling = undefined
      hint()
    }, SETTLE).unref()
  }

  const forget = (folder: string) => {
    watched.get(folder)?.watcher.close()
    watched.delete(folder)
  }

  async function arm(): Promise<void> {
    const folders = foldersOf(paths())
    for (const folder of watched.keys()) if (!folders.includes(folder)) forget(folder)
    for (const folder of folders) {
      const inode = await inodeOf(folder)
      if (disposed) return
      // A folder that was removed and made again is another one; notices come only for the old.
      if (watched.get(folder)?.inode === inode) continue
      forget(folder)
      if (inode === undefined) continue
      try {
        const watcher = watch(folder, { persistent: false }, notice)
        watcher.on('error', () => forget(folder))
        watched.set(folder, { watcher, inode })
      } catch {
        // Out of watches, or not supported there.
      }
    }
  }

  void arm().then(notice)
  const timer = setInterval(() => {
    void arm()
    hint()
  }, poll).unref()

  return {
    [Symbol.dispose]() {
      disposed = true
      clearInterval(timer)
      clearTimeout(settling)
      for (const folder of [...watched.keys()]) forget(folder)
    },
  }
}

/** Milliseconds: certificate, key and authorities of one renewal are written within this. */
const SETTLE = 50

async function inodeOf(folder: string): Promise<bigint | undefined> {
  try {
    return (await stat(folder, { bigint: true })).ino
  } catch {
    return undefined
  }
}
