namespace Ganymede.Messages;

/// <summary>Marks what crosses the wire between processes; the MessagePack serializer is bound to it, and to nothing else.</summary>
public interface IClusterMessage;
