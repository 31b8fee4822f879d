/** Static sites: BusyBox serves the files, in an image of two megabytes. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { shellLayer } from '../runtime-layer.ts'
import type { ApplicationKind } from './application.ts'

/** Where generators of sites put what they made. */
const folders = ['', 'public', 'dist', 'build', '_site', 'out']

export const staticSite: ApplicationKind = {
  name: 'static site',
  isIn: (directory) => rootOf(directory) !== undefined,

  async plan(directory, { runtime }) {
    const root = rootOf(directory)
    return {
      runtime: await shellLayer(runtime),
      apart: [],
      // A first process does not end by a signal that it has no handler for.
      command: [
        '/bin/sh',
        '-c',
        `trap 'kill $!; exit 0' TERM INT; /bin/busybox httpd -f -v -p \${PORT:-8080} -h /app${root ? `/${root}` : ''} & wait $!`,
      ],
      env: [],
      components: [],
    }
  },
}

function rootOf(directory: string): string | undefined {
  return folders.find((folder) => existsSync(join(directory, folder, 'index.html')))
}
