/** Whether the API server answers, and finds itself ready. */
import type { Check } from './check.ts'

export const apiHealth: Check = {
  name: 'API',
  about: 'the API server answers and is ready',
  needs: ['cluster', 'running'],

  async run({ api, config, directory }) {
    const fix = [`tail ${directory.logs}/server.log`, 'nami status']
    const answer = await api.get('/readyz?verbose').catch((error: Error) => error)
    if (answer instanceof Error) {
      return [{ problem: `The API server does not answer on port ${config.port}: ${answer.message}`, fix }]
    }
    if (answer.status === 200) return []
    const failed = answer.text.split('\n').filter((line) => line.startsWith('[-]'))
    const what = failed.length > 0 ? failed.map((line) => line.slice(3).split(' ')[0]).join(', ') : `status ${answer.status}`
    return [{ problem: `The API server is not ready: ${what}.`, fix }]
  },
}
