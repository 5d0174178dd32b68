using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using Akka.Serialization;

namespace Ganymede.Messages;

/// <summary>
/// Stands where Akka.NET would fall back to JSON: a message that nobody bound to a serializer is a mistake, and is said
/// to be one instead of crossing the wire in a format that loads types by name.
/// </summary>
public sealed class RefusingSerializer(ExtendedActorSystem system) : Serializer(system)
{
    /// <summary>How Akka makes what it knows as its JSON serializer, whose settings do not matter here.</summary>
    public RefusingSerializer(ExtendedActorSystem system, Config settings) : this(system)
    {
    }

    public override int Identifier => 7410;

    public override bool IncludeManifest => false;

    public override byte[] ToBinary(object obj) => throw new SerializationException(
        $"{obj.GetType().FullName} is not an {nameof(IClusterMessage)} and has no serializer, so it cannot leave this process.");

    public override object FromBinary(byte[] bytes, Type type) =>
        throw new SerializationException("A message without a bound serializer arrived; it was not read.");
}
