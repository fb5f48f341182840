"""The chorales in sixteenths, serialised voice by voice: nats per token, by the protocol of the published numbers."""
