/** Serves etcd's API in front of the sqlite engine in a process of its own; argument: a directory. Prints its port. */
import { join } from 'node:path'
import { ensurePki } from '#cluster/pki.ts'
import { systemClock } from '#lib/clock.ts'
import { serveEtcdApi } from '#store/etcd-api/serve.ts'
import { openSqliteStore } from '#store/sqlite.ts'

const [directory = ''] = process.argv.slice(2)
const pki = await ensurePki(join(directory, 'pki'), { addresses: ['127.0.0.1'], dnsNames: ['localhost'] })
const store = await openSqliteStore({ path: join(directory, 'served.db'), clock: systemClock })
const { key, certificate } = pki.apiserver
const api = await serveEtcdApi({
  ...{ store, clock: systemClock, host: '127.0.0.1', port: 0, key, certificate, clientCa: pki.ca.certificate, name: 'bench' },
  mayUse: () => true,
  snapshot: async function* () {},
})
console.log(api.port)
