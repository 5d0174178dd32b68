using System.Collections.Frozen;
using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Serialization;
using MessagePack;

namespace Ganymede.Messages;

/// <summary>
/// Writes every <see cref="IClusterMessage"/> as MessagePack. The manifest is the record's name, looked up in a table
/// built from this assembly, so a peer can never name a type for us to load.
/// </summary>
public sealed class MessagePackClusterSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    /// <summary>Every message there is, by manifest.</summary>
    public static readonly FrozenDictionary<string, Type> Manifests = typeof(IClusterMessage).Assembly.GetTypes()
        .Where(type => type is { IsClass: true, IsAbstract: false } && typeof(IClusterMessage).IsAssignableFrom(type))
        .ToFrozenDictionary(type => type.Name);

    private static readonly MessagePackSerializerOptions _options =
        MessagePackSerializerOptions.Standard.WithSecurity(MessagePackSecurity.UntrustedData);

    /// <summary>Akka reserves 0 to 40; this number is part of the wire format.</summary>
    public override int Identifier => 7411;

    public override string Manifest(object o) => o.GetType().Name;

    public override byte[] ToBinary(object obj) => MessagePackSerializer.Serialize(obj.GetType(), obj, _options);

    public override object FromBinary(byte[] bytes, string manifest)
    {
        if (!Manifests.TryGetValue(manifest, out var type))
            throw new SerializationException($"No cluster message is called '{manifest}'; is the peer of another version?");

        return MessagePackSerializer.Deserialize(type, bytes, _options)
            ?? throw new SerializationException($"The {manifest} that arrived is nil.");
    }
}
