/** Runs inside pods of the end-to-end tests and tells what it sees there: names, files, variables, the network, the API. */
import { Resolver } from 'node:dns/promises'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, get, type IncomingMessage } from 'node:http'
import { get as getSecurely } from 'node:https'
import { hostname } from 'node:os'

const account = '/var/run/secrets/kubernetes.io/serviceaccount'
let isHealthy = !existsSync('/tmp/unhealthy')
let isReady = true
const eaten: Buffer[] = []

type Answer = (query: URLSearchParams) => unknown

const answers: Record<string, Answer> = {
  '/': () => ({ pod: hostname(), version: process.env.VERSION ?? '1' }),
  '/env': (query) => process.env[query.get('name') ?? ''] ?? null,
  '/file': (query) => readFileSync(query.get('path') ?? '', 'utf8'),
  '/lookup': async (query) => (await resolver(query).resolve4(query.get('name') ?? '')).sort(),
  '/services': (query) => resolver(query).resolveSrv(query.get('name') ?? ''),
  '/fetch': async (query) => {
    const bodies: string[] = []
    for (let left = Number(query.get('count') ?? 1); left > 0; left--) bodies.push(await textOf(query.get('url') ?? ''))
    return bodies
  },
  '/api': (query) => askApi(query.get('path') ?? ''),
  '/ready': (query) => {
    isReady = query.get('is') !== 'false'
    return isReady
  },
  '/healthy': (query) => {
    isHealthy = query.get('is') !== 'false'
    return isHealthy
  },
  '/eat': (query) => {
    eaten.push(Buffer.alloc(Number(query.get('megabytes')) * 1024 * 1024, 1))
    return eaten.length
  },
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? '/', 'http://pod')
  console.log(`${request.method} ${request.url}`)
  if (url.pathname === '/healthz' || url.pathname === '/readyz') {
    const isFine = url.pathname === '/healthz' ? isHealthy : isReady
    return response.writeHead(isFine ? 200 : 500).end(isFine ? 'ok\n' : 'not ok\n')
  }
  const answer = answers[url.pathname]
  if (!answer) return response.writeHead(404).end('no such page\n')
  try {
    response.end(`${JSON.stringify(await answer(url.searchParams))}\n`)
  } catch (error) {
    response.writeHead(502).end(`${(error as Error).message}\n`)
  }
})

/** Asks the name servers of /etc/resolv.conf, search list and all. */
function resolver(query: URLSearchParams): {
  resolve4(name: string): Promise<string[]>
  resolveSrv(name: string): Promise<object[]>
} {
  const text = readFileSync('/etc/resolv.conf', 'utf8')
  const domains = /^search\s+(.*)$/m.exec(text)?.[1]?.split(' ') ?? []
  const asked = new Resolver({ timeout: 3000, tries: 2 })
  asked.setServers([...text.matchAll(/^nameserver\s+(\S+)/gm)].map(([, address]) => address as string))
  const candidates = (name: string) => (query.has('exact') ? [name] : [...domains.map((domain) => `${name}.${domain}`), name])
  const first = async <T>(name: string, ask: (full: string) => Promise<T>): Promise<T> => {
    for (const full of candidates(name)) {
      const found = await ask(full).catch(() => undefined)
      if (found) return found
    }
    throw new Error(`${name} is unknown; asked for ${candidates(name).join(', ')}`)
  }
  return {
    resolve4: (name) => first(name, (full) => asked.resolve4(full)),
    resolveSrv: (name) => first(name, (full) => asked.resolveSrv(full)),
  }
}

function textOf(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: 5000 }, (response) => bodyOf(response).then(resolve, reject))
    request.on('timeout', () => request.destroy(new Error('timed out'))).on('error', reject)
  })
}

/** With the pod's own token and the authority that lies beside it. */
function askApi(path: string): Promise<string> {
  const token = readFileSync(`${account}/token`, 'utf8')
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env
  const options = { ca: readFileSync(`${account}/ca.crt`), headers: { authorization: `Bearer ${token}` }, agent: false as const }
  return new Promise((resolve, reject) => {
    getSecurely(`https://${host}:${port}${path}`, options, (response) => bodyOf(response).then(resolve, reject)).on(
      'error',
      reject,
    )
  })
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of response) body += chunk
  return body
}

server.listen(Number(process.env.PORT ?? 8080), () => console.log(`listening as ${hostname()}`))

process.on('SIGTERM', () => {
  console.log('told to end')
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
