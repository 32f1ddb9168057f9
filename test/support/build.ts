// The package as a user has it: built by tsc into a folder of its own, inside node_modules so that its imports resolve.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Build {
  /** What `dist` would be. */
  readonly folder: string
  remove(): Promise<void>
}

export async function buildPackage(root: string): Promise<Build> {
  const home = await mkdtemp(join(root, 'node_modules', '.underpass-build-'))
  const folder = join(home, 'dist')
  const tsc = join(root, 'node_modules', '.bin', 'tsc')
  await promisify(execFile)(tsc, ['-p', 'tsconfig.build.json', '--outDir', folder], { cwd: root })
  await symlink(join(root, 'package.json'), join(home, 'package.json'))
  return { folder, remove: () => rm(home, { recursive: true, force: true }) }
}
