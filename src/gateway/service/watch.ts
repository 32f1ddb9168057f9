// Tells when files have changed, by looking every so often: mounted secrets change by a moved symbolic link, editors by a
// new file of the same name, and network file systems send no notice. A change counts once it has held still for one
// look, so that a file is not read while it is being written.
import { stat } from 'node:fs/promises'

/** Calls `changed` after a change of any of the files; answers what stops it. `files` is asked anew each time. */
export function watchFiles(
  files: () => readonly string[],
  interval: number,
  changed: () => void,
): () => void {
  let seen: string | undefined
  let pending: string | undefined
  let stopped = false
  let looking = false

  async function look(): Promise<void> {
    const now = await signature(files())
    if (stopped) return
    if (seen === undefined) seen = now
    else if (now === seen) pending = undefined
    else if (now === pending) {
      seen = now
      pending = undefined
      changed()
    } else pending = now
  }

  const tick = () => {
    if (looking) return
    looking = true
    look().finally(() => {
      looking = false
    })
  }
  tick()
  const timer = setInterval(tick, interval)
  timer.unref()
  return () => {
    stopped = true
    clearInterval(timer)
  }
}

async function signature(files: readonly string[]): Promise<string> {
  const facts = await Promise.all(
    files.map(async (file) => {
      try {
        const { dev, ino, size, mtimeMs } = await stat(file)
        return `${file} ${dev} ${ino} ${size} ${mtimeMs}`
      } catch (error) {
        return `${file} ${(error as NodeJS.ErrnoException).code}`
      }
    }),
  )
  return facts.join('\n')
}
