// TensorFlow Playground's arithmetic, a sample at a time: the JavaScript side of benchmarks/playground.py.
//
// Written after the design of nn.ts in https://github.com/tensorflow/playground (Smilkov and Carter, 2016, Apache 2.0):
// objects for nodes and links, derivatives summed up on them sample by sample, weights changed at the end of a batch.
// Tanh nodes, a linear output as in Playground's regression, half the square of the error, no regularisation.
//
// Reads a problem as JSON from standard input and prints a JSON object to standard output:
//   inputs [[x1, x2], ...], targets [t, ...], batchSize, learningRate
//   checks [{layers, order}, ...]  nets to be trained once on the rows in this order, a weight update each `batchSize`
//   timing {layers, warmUp, epochs} or null; epochs go through the rows in the order they are given
// `layers` is [{weight: [[...] for each input], bias: [...]}, ...], one entry a layer.

import { readFileSync } from "node:fs";

const TANH = {
  output: Math.tanh,
  der(totalInput) {
    const output = Math.tanh(totalInput);
    return 1 - output * output;
  },
};
const LINEAR = { output: (totalInput) => totalInput, der: () => 1 };
const SQUARE = {
  error: (output, target) => 0.5 * (output - target) ** 2,
  der: (output, target) => output - target,
};

class Link {
  errorDer = 0;
  accErrorDer = 0;
  numAccumulatedDers = 0;

  constructor(source, dest, weight) {
    this.source = source;
    this.dest = dest;
    this.weight = weight;
  }
}

class Node {
  inputLinks = [];
  outputLinks = [];
  totalInput = 0;
  output = 0;
  outputDer = 0;
  inputDer = 0;
  accInputDer = 0;
  numAccumulatedDers = 0;

  constructor(activation, bias) {
    this.activation = activation;
    this.bias = bias;
  }
}

function buildNetwork(layers) {
  const network = [layers[0].weight.map(() => new Node(LINEAR, 0))];
  layers.forEach(({ weight, bias }, depth) => {
    const activation = depth === layers.length - 1 ? LINEAR : TANH;
    const nodes = bias.map((b) => new Node(activation, b));
    nodes.forEach((dest, to) => {
      network[depth].forEach((source, from) => {
        const link = new Link(source, dest, weight[from][to]);
        source.outputLinks.push(link);
        dest.inputLinks.push(link);
      });
    });
    network.push(nodes);
  });
  return network;
}

function forwardProp(network, inputs) {
  for (let i = 0; i < inputs.length; i++) network[0][i].output = inputs[i];
  for (let depth = 1; depth < network.length; depth++) {
    const layer = network[depth];
    for (let i = 0; i < layer.length; i++) {
      const node = layer[i];
      node.totalInput = node.bias;
      for (let j = 0; j < node.inputLinks.length; j++) {
        const link = node.inputLinks[j];
        node.totalInput += link.weight * link.source.output;
      }
      node.output = node.activation.output(node.totalInput);
    }
  }
  return network[network.length - 1][0].output;
}

function backProp(network, target) {
  const outputNode = network[network.length - 1][0];
  outputNode.outputDer = SQUARE.der(outputNode.output, target);
  for (let depth = network.length - 1; depth >= 1; depth--) {
    const layer = network[depth];
    for (let i = 0; i < layer.length; i++) {
      const node = layer[i];
      node.inputDer = node.outputDer * node.activation.der(node.totalInput);
      node.accInputDer += node.inputDer;
      node.numAccumulatedDers++;
      for (let j = 0; j < node.inputLinks.length; j++) {
        const link = node.inputLinks[j];
        link.errorDer = node.inputDer * link.source.output;
        link.accErrorDer += link.errorDer;
        link.numAccumulatedDers++;
      }
    }
    if (depth === 1) return; // nobody needs the derivative by the inputs
    const below = network[depth - 1];
    for (let i = 0; i < below.length; i++) {
      const node = below[i];
      node.outputDer = 0;
      for (let j = 0; j < node.outputLinks.length; j++) {
        const link = node.outputLinks[j];
        node.outputDer += link.weight * link.dest.inputDer;
      }
    }
  }
}

function updateWeights(network, learningRate) {
  for (let depth = 1; depth < network.length; depth++) {
    const layer = network[depth];
    for (let i = 0; i < layer.length; i++) {
      const node = layer[i];
      node.bias -= (learningRate / node.numAccumulatedDers) * node.accInputDer;
      node.accInputDer = 0;
      node.numAccumulatedDers = 0;
      for (let j = 0; j < node.inputLinks.length; j++) {
        const link = node.inputLinks[j];
        link.weight -= (learningRate / link.numAccumulatedDers) * link.accErrorDer;
        link.accErrorDer = 0;
        link.numAccumulatedDers = 0;
      }
    }
  }
}

function trainOnce(network, { inputs, targets, batchSize, learningRate }, order) {
  for (let i = 0; i < order.length; i++) {
    const row = order[i];
    forwardProp(network, inputs[row]);
    backProp(network, targets[row]);
    if ((i + 1) % batchSize === 0) updateWeights(network, learningRate);
  }
}

function meanError(network, { inputs, targets }) {
  const errors = inputs.map((x, row) => SQUARE.error(forwardProp(network, x), targets[row]));
  return errors.reduce((sum, error) => sum + error, 0) / errors.length;
}

function layersOf(network) {
  return network.slice(1).map((nodes, depth) => ({
    weight: network[depth].map((_, from) => nodes.map((node) => node.inputLinks[from].weight)),
    bias: nodes.map((node) => node.bias),
  }));
}

function check(problem, { layers, order }) {
  const network = buildNetwork(layers);
  trainOnce(network, problem, order);
  return { layers: layersOf(network), loss: meanError(network, problem) };
}

function time(problem, { layers, warmUp, epochs }) {
  const network = buildNetwork(layers);
  const order = problem.targets.map((_, row) => row);
  for (let epoch = 0; epoch < warmUp; epoch++) trainOnce(network, problem, order);
  const start = performance.now();
  for (let epoch = 0; epoch < epochs; epoch++) trainOnce(network, problem, order);
  const seconds = (performance.now() - start) / 1000;
  return { samplesPerSecond: (epochs * order.length) / seconds, loss: meanError(network, problem) };
}

const problem = JSON.parse(readFileSync(0, "utf8"));
const checked = problem.checks.map((one) => check(problem, one));
const timed = problem.timing && time(problem, problem.timing);
process.stdout.write(JSON.stringify({ node: process.version, checked, timed }));
